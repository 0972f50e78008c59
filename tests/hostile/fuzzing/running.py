"""Trying many inputs of a kind: the counts, and the first input of each thing that must not be."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.hostile.fuzzing.kinds import Input, Kind, observed

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES_A_ROUND = 2000
"""Each round has a seed of its own: the library remembers all of a round, to repeat itself less."""


EXAMPLES_MIN = 50


@dataclass
class Tally:
    """What a run saw of one kind."""

    kind: str
    inputs: int = 0
    seen: set[int] = field(default_factory=set)
    accepted: int = 0
    ids: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)
    examples: dict[str, Input] = field(default_factory=dict)
    slowest: tuple[float, str] = (0.0, "")
    seconds: float = 0.0

    def take(self, kind: Kind, example: Input) -> None:
        """Try one input and count it, unless it came before."""
        known = hash((example.data, str(example.how)))
        if known in self.seen:
            return
        self.seen.add(known)
        self.inputs += 1
        outcome = observed(kind, example)
        self.accepted += not outcome.ids and not outcome.problem
        self.ids.update(set(outcome.ids))
        self.slowest = max(self.slowest, (outcome.seconds, example.name))
        if outcome.problem:
            self.problems[outcome.problem] += 1
            known = self.examples.setdefault(outcome.problem, example)
            if len(example.data) < len(known.data):
                self.examples[outcome.problem] = example

    def as_json(self) -> dict[str, Any]:
        """The counts for a report."""
        return {
            "kind": self.kind,
            "inputs": self.inputs,
            "accepted": self.accepted,
            "ids": dict(self.ids.most_common()),
            "problems": dict(self.problems.most_common()),
            "slowest": {"seconds": round(self.slowest[0], 3), "name": self.slowest[1]},
            "seconds": round(self.seconds, 1),
        }


def fuzz(kind: Kind, count: int, first_seed: int) -> Tally:
    """Try about `count` different inputs; the same seed gives the same ones."""
    tally, began, round_seed = Tally(kind.name), time.monotonic(), first_seed
    while tally.inputs < count:
        _round(kind, max(EXAMPLES_MIN, min(EXAMPLES_A_ROUND, count - tally.inputs)), round_seed, tally)
        round_seed += 1
    tally.seconds = time.monotonic() - began
    return tally


def _round(kind: Kind, count: int, round_seed: int, tally: Tally) -> None:
    @seed(round_seed)
    @settings(max_examples=count, database=None, deadline=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(kind.inputs)
    def run(example: Input) -> None:
        tally.take(kind, example)

    run()


def save(tally: Tally, folder: Path) -> None:
    """Write the counts and the examples of problems where a person can look at them."""
    folder.mkdir(parents=True, exist_ok=True)
    name = tally.kind.replace(" ", "-")
    (folder / f"{name}.tally").write_text(json.dumps(tally.as_json(), indent=1))
    for number, (problem, example) in enumerate(tally.examples.items()):
        (folder / f"{name}-{number}.input").write_bytes(example.data)
        described = {"problem": problem, "name": example.name, "how": example.how}
        (folder / f"{name}-{number}.json").write_text(json.dumps(described, indent=1))

"""One input, what became of it, and what must hold whatever it was."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from workers.error_table import ERRORS

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

SECONDS_MAX = 10.0
"""No input may take longer: a guard against what grows without bound, generous because machines are busy."""


@dataclass(frozen=True)
class Input:
    """Bytes, how to read them, and a name for reports."""

    name: str
    data: bytes
    how: dict[str, Any] = field(default_factory=dict)


@dataclass
class Outcome:
    """`ids` of the refusals; `problem` is a sentence where something that must hold did not."""

    ids: list[str] = field(default_factory=list)
    problem: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Kind:
    """A kind of input: how to make one and how to try it. `try_out` raises nothing for what is expected."""

    name: str
    inputs: SearchStrategy[Input]
    try_out: Callable[[Input], Outcome]


@cache
def catalogue() -> frozenset[str]:
    """Every error id of the table that docs/api.md lists."""
    return frozenset(ERRORS)


def observed(kind: Kind, given: Input) -> Outcome:
    """Try an input; any exception that is no refusal, an unknown id and a long time are problems."""
    began = time.monotonic()
    try:
        outcome = kind.try_out(given)
    except Exception as error:  # noqa: BLE001  that is what is looked for
        outcome = Outcome(problem=f"{type(error).__name__}: {error}"[:400] + _where(error))
    outcome.seconds = time.monotonic() - began
    unknown = sorted(set(outcome.ids) - catalogue())
    if unknown and not outcome.problem:
        outcome.problem = f"ids that docs/api.md does not list: {', '.join(unknown)}"
    if outcome.seconds > SECONDS_MAX and not outcome.problem:
        outcome.problem = f"took {outcome.seconds:.1f} s"
    return outcome


def _where(error: BaseException) -> str:
    trace, last = error.__traceback__, ""
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if "/tests/" not in name and "site-packages" not in name:
            last = f" at {name.rpartition('/')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return last

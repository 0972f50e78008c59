"""Sample questions and what the site answers, kept in a backup: a restored site is asked the same.

What can answer registers itself; this package knows no searches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

AGREES = 0.95
"""The mean share of equal hits that is asked for: an index of vectors is built anew, and finds a few others."""

Question = dict[str, Any]
"""What is asked, as plain JSON that a restored site understands."""


@dataclass(frozen=True)
class SampleAsker:
    """What answers questions: `sample` chooses some for a backup, `ask` returns the hits of one, best first."""

    sample: Callable[[], Iterable[Question]]
    ask: Callable[[Question], list[int]]


_askers: dict[str, SampleAsker] = {}


def asker_register(name: str, asker: SampleAsker) -> None:
    """Have backups keep what this asker answers, and restored sites asked by it."""
    _askers[name] = asker


def answers_take() -> Iterator[dict[str, Any]]:
    """Yield sample questions with their answers, as lines of a backup."""
    for name, asker in sorted(_askers.items()):
        for question in asker.sample():
            yield {"by": name, "question": question, "answer": asker.ask(question)}


@dataclass(frozen=True)
class AnswersAgreement:
    """How many questions were asked again, how many answers were equal, and the mean share of equal hits.

    `least`: the question whose answers have least in common.
    """

    asked: int
    equal: int
    share: float
    least: Question | None = None

    @property
    def is_good(self) -> bool:
        """Whether the restored site answers as the other did."""
        return self.share >= AGREES


def answers_compare(samples: Iterable[dict[str, Any]]) -> AnswersAgreement:
    """Ask every question again and compare."""
    equal, compared = 0, []
    for sample in samples:
        answer = _askers[sample["by"]].ask(sample["question"])
        equal += answer == sample["answer"]
        compared.append((_share(answer, sample["answer"]), sample["question"]))
    if not compared:
        return AnswersAgreement(0, 0, 1.0)
    mean = sum(share for share, _ in compared) / len(compared)
    return AnswersAgreement(len(compared), equal, mean, min(compared, key=lambda pair: pair[0])[1])


def _share(one: list[int], other: list[int]) -> float:
    """Return which share of the longer answer stands in both."""
    longest = max(len(one), len(other))
    return len(set(one) & set(other)) / longest if longest else 1.0

"""How many documents somebody marked in an answer, for the bar above it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from search.models import Judgement


@dataclass(frozen=True)
class Marked:
    """So many documents have a grade above 0, so many have 0."""

    relevant: int
    not_relevant: int


def marked(judged: Mapping[int, Judgement]) -> Marked | None:
    """Return how many of the judged documents are relevant and how many are not; None where there are none."""
    if not judged:
        return None
    relevant = sum(judgement.grade > 0 for judgement in judged.values())
    return Marked(relevant, len(judged) - relevant)

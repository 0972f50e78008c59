"""How many documents somebody marked in an answer, for the bar above it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from search.models import Judgement
    from search.retrieval.types import Marks


@dataclass(frozen=True)
class Marked:
    """So many documents have a grade above 0, so many have 0; `are_new`: others than those that moved the search."""

    relevant: int
    not_relevant: int
    are_new: bool = True


def marked(judged: Mapping[int, Judgement], moved_by: Marks | None) -> Marked | None:
    """Return how many of the judged documents are relevant and how many are not; None where there are none."""
    if not judged:
        return None
    relevant = {document for document, judgement in judged.items() if judgement.grade > 0}
    others = set(judged) - relevant
    same = moved_by and (set(moved_by.relevant), set(moved_by.not_relevant)) == (relevant, others)
    return Marked(len(relevant), len(others), not same)

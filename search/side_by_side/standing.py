"""Two answers as they stand beside each other: where each hit is in the other list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from search import retrieval
from search.side_by_side.asking import LIMIT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from search.models import SideBySide
    from search.retrieval.types import Hit


@dataclass(frozen=True)
class HitPlace:
    """A hit in one list and its rank in the other, None where that does not have it among its first."""

    hit: Hit
    rank: int
    other_rank: int | None

    @property
    def up(self) -> int:
        """How many places it stands higher here; below zero, lower."""
        return 0 if self.other_rank is None else self.other_rank - self.rank


@dataclass(frozen=True)
class Standing:
    """Both lists, and how many documents they share."""

    first: tuple[HitPlace, ...]
    second: tuple[HitPlace, ...]
    shared: int


def standing_of(side_by_side: SideBySide, viewer: Any) -> Standing:
    """Return both answers as the viewer may see them now. Raises what `retrieval.reopen` raises."""
    hits = [
        retrieval.reopen(query, viewer, LIMIT).hits
        for query in (side_by_side.first_id, side_by_side.second_id)
    ]
    return standing(hits[0], hits[1])


def standing(first: Sequence[Hit], second: Sequence[Hit]) -> Standing:
    """Return where the hits of two answers stand in each other."""
    ranks = [{hit.document.pk: rank for rank, hit in enumerate(side, 1)} for side in (first, second)]
    shared = len(ranks[0].keys() & ranks[1].keys())
    return Standing(_places(first, ranks[1]), _places(second, ranks[0]), shared)


def _places(hits: Sequence[Hit], others: dict[int, int]) -> tuple[HitPlace, ...]:
    return tuple(HitPlace(hit, rank, others.get(hit.document.pk)) for rank, hit in enumerate(hits, 1))

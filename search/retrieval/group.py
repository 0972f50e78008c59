"""Group: from units to documents, each by its best unit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from search.retrieval.types import Candidates, Unit


def group(found: Candidates, most: int) -> Candidates:
    """Return the best unit of each document, best first; of the `most` best documents."""
    ranked = best_by_document(found.units)
    return replace(found, units=tuple(ranked[:most]), exhausted=found.exhausted and len(ranked) <= most)


def best_by_document(units: Iterable[Unit]) -> list[Unit]:
    """Return the best unit of each document, best first; equal scores by ids, so that pages are stable."""
    best: dict[int, Unit] = {}
    for unit in units:
        known = best.get(unit.document_id)
        if known is None or _place(unit) < _place(known):
            best[unit.document_id] = unit
    return sorted(best.values(), key=_place)


def _place(unit: Unit) -> tuple[float, int, int]:
    return -unit.score, unit.document_id, unit.unit_id

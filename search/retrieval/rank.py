"""Third step: from units to documents, in one order. Pure functions; bigger is closer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers.training.measures import scores

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from search.retrieval.types import Unit


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


def order_scores(
    query: NDArray[np.float32], stored: NDArray[np.float32], *, query_is_caption: bool
) -> NDArray[np.float32]:
    """Return −‖max(0, caption − image)‖² `(rows,)` of one query `(dim,)` against stored vectors `(rows, dim)`.

    Order embeddings (Vendrov et al. 2016, equation 2): an image lies below its captions in every dimension that
    they name, so only what a caption has more of than the image counts. It is not symmetric.
    """
    sides = (stored, query[None]) if query_is_caption else (query[None], stored)
    return scores.order_scores(*sides).reshape(-1)

"""Scoring: what each part of a query says of given units, from their stored vectors, and how much that is.

Scores of different parts are not comparable as they are: in a joint space a photo's with passages lie elsewhere, and
closer together, than a text's. Standardised by the same part's scores over the table's background, they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from search.retrieval.order import order_scores
from search.units.registry import unit_kind
from search.vectors.background import background
from search.vectors.read import unit_vectors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from search.retrieval.types import EncodedPart, EncodedQuery
    from search.vectors.tables import VectorTable

    Scores = NDArray[np.float32]

DEVIATION_MIN = 1e-6


def unit_scores(query: EncodedQuery, table: VectorTable, unit_ids: Sequence[int]) -> Scores:
    """Return the exact scores `(units, parts)` of these units, in one statement; NaN for one without a vector."""
    scores = np.full((len(unit_ids), len(query.parts)), np.nan, dtype=np.float32)
    places = {unit_id: place for place, unit_id in enumerate(unit_ids)}
    vectors = unit_vectors(query.version, table.kind, unit_ids)
    if vectors:
        found = part_scores(query, table.kind, np.stack(list(vectors.values())))
        scores[[places[unit_id] for unit_id in vectors]] = found
    return scores


def part_scores(query: EncodedQuery, kind: str, stored: NDArray[np.float32]) -> Scores:
    """Return each part's score of stored vectors `(rows, dim)` of a kind of unit: `(rows, parts)`, bigger is closer.

    A part of several vectors has the score of that which fits best.
    """
    by_order = query.version.similarity == "order"
    score = _by_order if by_order else _by_cosine
    return np.stack([score(part, kind, stored) for part in query.parts], axis=1)


def _by_cosine(part: EncodedPart, _kind: str, stored: NDArray[np.float32]) -> Scores:
    best: Scores = (stored @ part.vectors.T).max(axis=1)
    return best


def _by_order(part: EncodedPart, kind: str, stored: NDArray[np.float32]) -> Scores:
    is_caption = part.modality == "text" and unit_kind(kind).modality == "image"
    every = [order_scores(vector, stored, query_is_caption=is_caption) for vector in part.vectors]
    best: Scores = np.max(every, axis=0)
    return best


@dataclass(frozen=True)
class Standard:
    """Mean and deviation `(parts,)` of each part's scores over a table's background."""

    mean: Scores
    deviation: Scores

    @classmethod
    def over(cls, sample: Scores) -> Self:
        """Return those of scores `(rows, parts)`; 0 and 1, which change nothing, where there are no rows."""
        if len(sample) == 0:
            nothing = np.zeros(sample.shape[1], dtype=np.float32)
            return cls(nothing, nothing + 1)
        return cls(sample.mean(axis=0), np.maximum(sample.std(axis=0), DEVIATION_MIN))

    def of(self, scores: Scores) -> Scores:
        """Return scores `(…, parts)` in deviations from the mean."""
        standardised: Scores = (scores - self.mean) / self.deviation
        return standardised


def standard_of(query: EncodedQuery, table: VectorTable) -> Standard:
    """Return by what the query's scores in this table are standardised."""
    rows = background(table)
    if len(rows) == 0:
        return Standard.over(np.zeros((0, len(query.parts)), dtype=np.float32))
    return Standard.over(part_scores(query, table.kind, rows))


def standardise(scores: Scores, query: EncodedQuery, table: VectorTable) -> Scores:
    """Return scores `(units, parts)` in deviations from the mean of that part's scores over the background."""
    return standard_of(query, table).of(scores)

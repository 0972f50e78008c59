"""Compose: one score of the scores of several parts, each with its weight.

A part's scores are standardised by the background (`scoring.py`), then divided by the best one among the candidates,
so that 0 is any unit and 1 the closest there is. A unit's distance from all that was asked is a weighted p-norm, as in
the extended Boolean model (Salton, Fox and Wu 1983): unlike a sum, it prefers what has some of each to what has all of
one. A part with a negative weight is far where a unit has it.

The candidates come by the weighted sum, which is the inner product with one direction, so that one search by the index
finds them however many parts there are (docs/composed.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from search.retrieval.scoring import Standard, part_scores
from search.vectors.background import background

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from search.retrieval.types import EncodedPart, EncodedQuery
    from search.vectors.tables import VectorTable

    Vectors = NDArray[np.float32]

POWER = 1.5
BEST_MIN = 2.0
"""Deviations that count as a full match at least: where nothing has a part, the best of it is still nothing."""
DIRECTIONS_MAX = 8


@dataclass(frozen=True)
class Composition:
    """How the scores of a query's parts become one: weights `(parts,)`, and what each part's are measured by."""

    weights: Vectors
    standard: Standard
    sample: Vectors
    """The parts' scores `(rows, parts)` over the background."""

    def of(self, scores: Vectors) -> tuple[Vectors, Vectors]:
        """Return the candidates' composed scores `(units,)`, 1 for all that was asked, and the same standardised.

        `scores` `(units, parts)` are those of all candidates: they are measured by the best of each part.
        """
        wanted = self.standard.of(scores)
        best = np.maximum(wanted.max(axis=0, initial=BEST_MIN), BEST_MIN)
        composed = self._composed(wanted / best)
        usual = (
            self._composed(self.standard.of(self.sample) / best)
            if len(self.sample)
            else np.zeros(1, np.float32)
        )
        return composed, (composed - usual.mean()) / max(float(usual.std()), 1e-6)

    def _composed(self, shares: Vectors) -> Vectors:
        """Return 1 − the p-norm distance of shares `(units, parts)`, each 1 for a full match."""
        shares = np.clip(shares, 0, 1)
        distances = np.where(self.weights > 0, 1 - shares, shares)
        weights = np.abs(self.weights)
        composed: Vectors = 1 - (distances**POWER @ weights / weights.sum()) ** (1 / POWER)
        return composed


def composition(query: EncodedQuery, table: VectorTable) -> Composition:
    """Return how the query's parts are composed in this table."""
    parts, rows = len(query.parts), background(table)
    weights = np.array([part.weight for part in query.parts], dtype=np.float32)
    sample = part_scores(query, table.kind, rows) if len(rows) else np.zeros((0, parts), dtype=np.float32)
    return Composition(weights, Standard.over(sample), sample)


def together(parts: tuple[EncodedPart, ...], standard: Standard) -> Vectors:
    """Return the vector `(dim,)`, of any length, with which the inner product is the parts' weighted score."""
    means = [
        part.weight / deviation * part.vectors.mean(axis=0)
        for part, deviation in zip(parts, standard.deviation, strict=True)
    ]
    summed: Vectors = np.sum(means, axis=0).astype(np.float32)
    return summed


def directions(parts: tuple[EncodedPart, ...], standard: Standard) -> Vectors:
    """Return vectors `(directions, dim)` near which the units lie that all parts together lead to.

    For parts of one vector it is one, and exact under cosine: the sum of standardised, weighted scores is the inner
    product with it. Of a part of several vectors each is tried, beside the mean of the others.
    """
    shares = [part.weight / deviation for part, deviation in zip(parts, standard.deviation, strict=True)]
    several = [place for place, part in enumerate(parts) if len(part.vectors) > 1 and part.weight > 0]
    middle = together(parts, standard)
    tried = [
        middle + shares[place] * (vector - parts[place].vectors.mean(axis=0))
        for place in several
        for vector in parts[place].vectors[: max(1, DIRECTIONS_MAX // len(several))]
    ]
    found = np.asarray(tried or [middle], dtype=np.float32)
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    directed: Vectors = found / np.maximum(lengths, 1e-6)
    return directed

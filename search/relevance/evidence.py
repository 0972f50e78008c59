"""How much speaks for a hit: how close it is, and how far the query lies outside of the space of other such queries.

A model gives every picture a vector, also one that has nothing to do with the collections; some unit is close to it by
chance. Pictures that are about the collections, and what is stored in them, fill few of their vectors' dimensions.
What a query has in the others tells a strange one (the residual of “ViM”, Wang et al. 2022), where its best score alone
often does not. It counts beside what the query has inside: a photo of several things lies between theirs, deviates
otherwise than each of them, and is no stranger for that.

Pure functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating]

DIRECTIONS_MAX = 128
QUERY_SHARE = 0.5
"""How much a query's deviation counts beside a unit's: there are more units, and they say what else could be asked."""
FOLDS = 5
_LEAST = 1e-4
"""Distances and residuals below count as this one, so that their logarithms are finite."""


@dataclass(frozen=True)
class Space:
    """Where queries and units differ most: the queries' mean `(dim,)` and directions, orthonormal rows `(r, dim)`."""

    mean: NDArray[np.float32]
    basis: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Mean and deviation of closeness and familiarity, of first hits of queries that are about the collections."""

    closeness: float
    closeness_deviation: float
    familiarity: float
    familiarity_deviation: float


def space_of(queries: NDArray[np.float32], units: NDArray[np.float32]) -> Space:
    """Return the space that queries `(n, dim)` and a sample of the units `(m, dim)` fill together.

    Its directions are the first principal ones of both, each centred by its own mean: queries and units of one joint
    space lie apart. Without units, `(0, dim)`, they are those of the queries.
    """
    parts = [QUERY_SHARE * _deviations(queries), _deviations(units)]
    _, _, directions = np.linalg.svd(np.concatenate(parts), full_matrices=False)
    count = min(DIRECTIONS_MAX, queries.shape[1] // 2, (len(queries) + len(units)) // 4)
    return Space(queries.mean(axis=0), directions[:count])


def _deviations(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the vectors' deviations from their mean, so scaled that their number does not count."""
    if not len(vectors):
        return vectors
    return np.asarray((vectors - vectors.mean(axis=0)) / np.sqrt(len(vectors)), np.float32)


def closeness(scores: Floats, similarity: str) -> Floats:
    """Return −log of the distance that a score stands for: 1 − cosine, or an order similarity's penalty."""
    distance = -scores if similarity == "order" else 1.0 - scores
    near: Floats = -np.log(np.maximum(distance, _LEAST))
    return near


def familiarity(queries: NDArray[np.float32], space: Space) -> Floats:
    """Return the log of what queries `(n, dim)` have inside of the space by what they have outside, squared: `(n,)`."""
    centred = queries - space.mean
    inside = centred @ space.basis.T
    held = (inside**2).sum(axis=1)
    outside = (centred**2).sum(axis=1) - held
    known: Floats = np.log(np.maximum(held, _LEAST)) - np.log(np.maximum(outside, _LEAST))
    return known


def familiarity_held_out(queries: NDArray[np.float32], units: NDArray[np.float32]) -> Floats:
    """Return the familiarity `(n,)` of queries with the space of the others: their own would flatter them."""
    known = np.zeros(len(queries))
    folds = np.arange(len(queries)) % FOLDS
    for fold in np.unique(folds):
        known[folds == fold] = familiarity(queries[folds == fold], space_of(queries[folds != fold], units))
    return known


def scale_of(near: Floats, known: Floats) -> Scale:
    """Return the scale of these first hits."""
    return Scale(
        closeness=float(near.mean()),
        closeness_deviation=max(float(near.std()), _LEAST),
        familiarity=float(known.mean()),
        familiarity_deviation=max(float(known.std()), _LEAST),
    )


def evidence(near: Floats, known: Floats, scale: Scale) -> Floats:
    """Return the sum of both in deviations: bigger speaks for relevance, and 0 is usual for a first hit."""
    total: Floats = (near - scale.closeness) / scale.closeness_deviation
    return total + (known - scale.familiarity) / scale.familiarity_deviation

"""Whether queries are still like those that a calibration was fitted to: the population stability index.

It compares the distribution of the queries' best scores, each standardised by the same query's scores over the
background: how many deviations the best hit is above an unrelated unit. Siddiqi, "Credit Risk Scorecards" (2006), has
the index and its bands; Yurdakul, "Statistical Properties of Population Stability Index" (2018), its distribution.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from search.retrieval.scoring import standard_of
from search.retrieval.types import EncodedPart, EncodedQuery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models_admin.models import ModelVersion
    from search.retrieval.types import Modality
    from search.vectors.tables import VectorTable

BINS = 10
CHANGED, SHIFTED = 0.1, 0.25
"""The usual bands: below 0.1 nothing much has changed, from 0.25 on much has."""
CHI_SQUARED_95 = 16.919
"""The 95 % quantile of the chi-squared distribution with nine degrees of freedom, one less than there are bins."""
SMOOTHING = 0.5
"""Added to the count of each bin, so that an empty one has a finite logarithm."""


def standardised(
    version: ModelVersion, table: VectorTable, modality: str, vectors: NDArray[np.float32], score: float
) -> float:
    """Return the score that a query's vectors `(vectors, dim)` found, in deviations of its background scores."""
    query = EncodedQuery(version, (EncodedPart(cast("Modality", modality), vectors),))
    return float(standard_of(query, table).of(np.array([score], dtype=np.float32))[0])


def deciles(values: Sequence[float]) -> tuple[float, ...]:
    """Return the nine values that part others into ten bins of as many each; none where there are fewer than ten."""
    if len(values) < BINS:
        return ()
    return tuple(float(value) for value in np.quantile(np.asarray(values), np.arange(1, BINS) / BINS))


def stability_index(edges: Sequence[float], values: Sequence[float]) -> float:
    """Return the population stability index of values against deciles: Σ (share − 0.1) ln(share / 0.1)."""
    bins = np.searchsorted(np.asarray(edges), np.asarray(values), side="right")
    counts = np.bincount(bins, minlength=BINS) + SMOOTHING
    shares = counts / counts.sum()
    return float(((shares - 1 / BINS) * np.log(shares * BINS)).sum())


def index_by_chance(values: int, reference: int) -> float:
    """Return what the index stays below in 95 % of cases where both samples are of one distribution.

    It is about (1/n + 1/m) times a chi-squared variable with nine degrees of freedom.
    """
    return CHI_SQUARED_95 * (1 / max(values, 1) + 1 / max(reference, 1))

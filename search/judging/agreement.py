"""How far raters agree: Krippendorff's alpha, 1 for full agreement, 0 for what chance gives.

Klaus Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section C: any number of raters, values may be
missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Differences = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class Agreement:
    """`alpha` is None where it is not defined: nothing was judged twice, or everybody gave one and the same grade."""

    alpha: float | None
    units: int
    """Units with at least two ratings: only they count."""


def agreement(ratings: Iterable[Sequence[float]], differences: Differences) -> Agreement:
    """Return the agreement of raters, from the ratings of each unit; who rated is of no matter.

    alpha = 1 − (n − 1) Σ o_ck δ²_ck / Σ n_c n_k δ²_ck over the values c and k, where o are the coincidences.
    """
    compared = [list(unit) for unit in ratings if len(unit) > 1]
    values = np.unique([value for unit in compared for value in unit])
    coincidences = _coincidences(compared, values)
    totals = coincidences.sum(1)
    squared = differences(values, totals)
    expected = float((np.outer(totals, totals) * squared).sum())
    if not expected:
        return Agreement(None, len(compared))
    observed = float((coincidences * squared).sum())
    return Agreement(1 - (float(totals.sum()) - 1) * observed / expected, len(compared))


def _coincidences(units: Sequence[Sequence[float]], values: Array) -> Array:
    """Return how often each value stands beside each other one in a unit; a unit of m ratings weighs m."""
    found = np.zeros((len(values), len(values)))
    for unit in units:
        counts = (np.array(unit)[:, None] == values).sum(0).astype(float)
        found += (np.outer(counts, counts) - np.diag(counts)) / (len(unit) - 1)
    return found


def nominal(values: Array, totals: Array) -> Array:
    """Return 1 for every two values that differ, (values, values)."""
    return 1 - np.eye(len(values))


def ordinal(values: Array, totals: Array) -> Array:
    """Return the square of how many ratings lie between two values, half of those at either end counted."""
    reached = np.cumsum(totals) - totals / 2
    squared: Array = np.subtract.outer(reached, reached) ** 2
    return squared


def interval(values: Array, totals: Array) -> Array:
    """Return the square of the difference of two values."""
    squared: Array = np.subtract.outer(values, values) ** 2
    return squared

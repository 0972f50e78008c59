"""How the lines of an upright page lie: the page may be skewed, and photographed from aside."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Point: TypeAlias = tuple[float, float]
SKEW_MAX, SLOPE_MAX = 45.0, 0.3
LINES_MIN = 8
"""Fewer lines do not tell how slopes change over the page."""
FAR, ODD = 0.12, 0.02
"""Lines whose slope is so far from the middle one's, and then from what the others tell, are left out."""


@dataclass(frozen=True)
class Lie:
    """Maps points of the picture to where they stand once all lines are level, and back; in units of its width.

    The picture is turned by `skew` degrees counterclockwise about its middle. Then the line that goes through (0, y),
    from the middle, has the slope `base + across x + down y` at x: seen from aside, slopes change over the page.
    """

    skew: float = 0.0
    base: float = 0.0
    across: float = 0.0
    down: float = 0.0

    @classmethod
    def of(cls, values: Any) -> Lie:
        """Return what `asdict` gave; raises ValueError, TypeError or KeyError for anything else."""
        skew, *slopes = (float(values[name]) for name in ("skew", "base", "across", "down"))
        if not (abs(skew) <= SKEW_MAX and all(abs(slope) <= SLOPE_MAX for slope in slopes)):
            raise ValueError("no page lies like this")
        return cls(skew, *slopes)

    def straight(self, point: Point) -> Point:
        """Return where a point of the picture stands on the straight page, both from the middle."""
        x, y = turned_point(point, -self.skew)
        return x, (y - self.base * x - self.across * x * x / 2) / (1 + self.down * x)

    def lying(self, point: Point) -> Point:
        """Return the point of the picture that `straight` takes there."""
        x, y = point
        return turned_point((x, y * (1 + self.down * x) + self.base * x + self.across * x * x / 2), self.skew)


def turned_point(point: Point, degrees: float) -> Point:
    """Return a point turned clockwise about the middle."""
    (x, y), angle = point, math.radians(degrees)
    return x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)


def lie_of(middles: list[Point], angles: list[float], lengths: list[float]) -> Lie:
    """Return how lines lie that have these middles, angles in degrees, clockwise from level, and lengths."""
    if not middles:
        return Lie()
    order, weights = np.argsort(angles), np.array(lengths)
    place = int(np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2))
    skew = float(angles[order[min(place, len(order) - 1)]])
    points = np.array([turned_point(middle, -skew) for middle in middles])
    slopes = np.tan(np.radians(np.array(angles) - skew))
    return Lie(skew, *_fitted(points, slopes, weights))


def _fitted(
    points: NDArray[np.float64], slopes: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Fit slopes that change evenly over the page (least squares, by length), twice: then without odd ones."""
    terms = np.column_stack((np.ones(len(points)), points))
    kept = np.abs(slopes) < FAR
    found: NDArray[np.floating[Any]] = np.zeros(3)
    for _ in range(2):
        if kept.sum() < LINES_MIN:
            return 0.0, 0.0, 0.0
        found = np.linalg.lstsq(terms[kept] * weights[kept, None], slopes[kept] * weights[kept], rcond=None)[
            0
        ]
        kept &= np.abs(slopes - terms @ found) < ODD
    base, across, down = np.clip(found, -SLOPE_MAX, SLOPE_MAX)
    return float(base), float(across), float(down)

"""How the lines of an upright page lie: the page may be skewed, and photographed from aside."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Point: TypeAlias = tuple[float, float]
Places = TypeVar("Places", float, "NDArray[np.float64]")
SKEW_MAX, SLOPE_MAX = 45.0, 0.3
LINES_MIN = 8
"""Fewer lines do not tell how slopes change over the page."""
FAR, ODD = 0.12, 0.02
"""Lines whose slope is so far from the middle one's, and then from what the others tell, are left out."""
LEANING_LINES_MAX, DOWN_MIN, ALIGNED = 300, 0.02, 0.02
"""Lines that are compared with each other; how far apart they are at least; how well beginnings stand in line."""


@dataclass(frozen=True)
class Lie:
    """Maps points of the picture to where they stand once all lines are level, and back; in units of its width.

    The picture is turned by `skew` degrees counterclockwise about its middle. Then the line that goes through (0, y),
    from the middle, has the slope `base + across x + down y` at x: seen from aside, slopes change over the page. And
    what stands below each other goes aside by `lean + spread x` for each step down.
    """

    skew: float = 0.0
    base: float = 0.0
    across: float = 0.0
    down: float = 0.0
    lean: float = 0.0
    spread: float = 0.0

    @classmethod
    def of(cls, values: Any) -> Lie:
        """Return what `asdict` gave; raises ValueError, TypeError or KeyError for anything else."""
        skew, *slopes = (float(values[one.name]) for one in fields(cls))
        if not (abs(skew) <= SKEW_MAX and all(abs(slope) <= SLOPE_MAX for slope in slopes)):
            raise ValueError("no page lies like this")
        return cls(skew, *slopes)

    @property
    def level(self) -> Lie:
        """How the page lies as far as all lines together tell: turned. What a few tell would shear pictures."""
        return Lie(self.skew, self.base)

    def straight(self, point: Point) -> Point:
        """Return where a point of the picture stands on the straight page, both from the middle."""
        x, y = turned_point(point, -self.skew)
        level = (y - self.base * x - self.across * x * x / 2) / (1 + self.down * x)
        return (x - self.lean * level) / (1 + self.spread * level), level

    def lying(self, point: tuple[Places, Places]) -> tuple[Places, Places]:
        """Return the point of the picture that `straight` takes there; or points, an array of each coordinate."""
        x, y = point
        x = x * (1 + self.spread * y) + self.lean * y
        return turned_point((x, y * (1 + self.down * x) + self.base * x + self.across * x * x / 2), self.skew)


def turned_point(point: tuple[Places, Places], degrees: float) -> tuple[Places, Places]:
    """Return a point turned clockwise about the middle."""
    (x, y), angle = point, math.radians(degrees)
    return x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)


def lie_of(middles: list[Point], angles: list[float], lengths: list[float]) -> Lie:
    """Return how lines lie that have these middles, angles in degrees, clockwise from level, and lengths.

    The longest come first.
    """
    if not middles:
        return Lie()
    order, weights = np.argsort(angles), np.array(lengths)
    place = int(np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2))
    skew = float(angles[order[min(place, len(order) - 1)]])
    points = np.array([turned_point(middle, -skew) for middle in middles])
    slopes = np.tan(np.radians(np.array(angles) - skew))
    level = Lie(skew, *_fitted(points, slopes, weights))
    return replace(level, **_leaning(level, middles, angles, lengths))


def _leaning(level: Lie, middles: list[Point], angles: list[float], lengths: list[float]) -> dict[str, float]:
    """Fit how columns lean from where lines begin: most that begin about below each other do so for a reason."""
    starts = np.array(
        [
            level.straight(_start(*line))
            for line in list(zip(middles, angles, lengths, strict=True))[:LEANING_LINES_MAX]
        ]
    )
    upper, lower = np.triu_indices(len(starts), 1)
    aside, down = (starts[lower] - starts[upper]).T
    near = (np.abs(down) > DOWN_MIN) & (np.abs(aside) < FAR * np.abs(down))
    aside, down, places = aside[near], down[near], starts[upper, 0][near]
    terms = np.column_stack((down, down * places))
    kept, found = np.ones(len(down), bool), np.zeros(2)
    for within in (ALIGNED, ALIGNED / 2, ALIGNED / 4):
        if kept.sum() < LINES_MIN:
            return {}
        found = np.linalg.lstsq(terms[kept], aside[kept], rcond=None)[0]
        kept = np.abs(aside - terms @ found) < within
    lean, spread = np.clip(found, -SLOPE_MAX, SLOPE_MAX)
    return {"lean": float(lean), "spread": float(spread)}


def _start(middle: Point, angle: float, length: float) -> Point:
    """Return where a line begins."""
    (x, y), way = middle, math.radians(angle)
    return x - math.cos(way) * length / 2, y - math.sin(way) * length / 2


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

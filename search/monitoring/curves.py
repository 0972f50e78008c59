"""Curves over time as points of an SVG drawing, which the page's template draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

WIDTH, HEIGHT, MARGIN = 320, 72, 4


@dataclass(frozen=True)
class TimeCurve:
    """A curve's points as `x,y x,y …` in a box of 320 × 72, its last point, and a dashed line at a limit."""

    points: str
    last: tuple[float, float]
    limit: float | None
    label: str
    width: int = WIDTH
    height: int = HEIGHT


def curve(
    values: Sequence[tuple[date | datetime, float]],
    label: str,
    *,
    low: float = 0.0,
    high: float = 1.0,
    limit: float | None = None,
) -> TimeCurve | None:
    """Return values over time, oldest first, between `low` and `high`; None of fewer than two."""
    if len(values) < 2:
        return None
    first, last = values[0][0], values[-1][0]
    span = (last - first).total_seconds() or 1.0
    points = [
        (MARGIN + (at - first).total_seconds() / span * (WIDTH - 2 * MARGIN), _height(value, low, high))
        for at, value in values
    ]
    drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return TimeCurve(drawn, points[-1], None if limit is None else _height(limit, low, high), label)


def _height(value: float, low: float, high: float) -> float:
    share = (min(max(value, low), high) - low) / ((high - low) or 1.0)
    return round(MARGIN + (1 - share) * (HEIGHT - 2 * MARGIN), 1)

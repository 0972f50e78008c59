"""Curves over time as points of an SVG drawing, which the page's template draws."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

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
    days = [_days(at) for at, _ in values]
    span = (days[-1] - days[0]) or 1.0
    points = [
        (MARGIN + (day - days[0]) / span * (WIDTH - 2 * MARGIN), _height(value, low, high))
        for day, (_, value) in zip(days, values, strict=True)
    ]
    drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return TimeCurve(drawn, points[-1], None if limit is None else _height(limit, low, high), label)


def _days(at: date | datetime) -> float:
    """Days since the year 1, with their fractions where the hour is known."""
    seconds = at.hour * 3600 + at.minute * 60 + at.second if isinstance(at, datetime) else 0
    return at.toordinal() + seconds / 86_400


def _height(value: float, low: float, high: float) -> float:
    share = (min(max(value, low), high) - low) / ((high - low) or 1.0)
    return round(MARGIN + (1 - share) * (HEIGHT - 2 * MARGIN), 1)

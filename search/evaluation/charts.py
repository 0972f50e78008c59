"""The curves of an evaluation set as numbers for a template's SVG: one chart for each direction and measure."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor
from typing import TYPE_CHECKING

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.timezone import localtime
from django.utils.translation import gettext

from retrieval_site.languages.decimals import Decimals

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from search.models import EvaluationResult

WIDTH, HEIGHT = 360, 190
LEFT, RIGHT, TOP, BOTTOM = 40, 12, 12, 26
STEP_PERCENT = 10
SERIES_MAX = 6
"""Models that have a look of their own; those after them share the last one."""
MEASURE_WORDS = {"r_at_1": "R@1", "r_at_10": "R@10", "mrr": "MRR", "ndcg_at_10": "nDCG@10"}


@dataclass(frozen=True)
class Dot:
    """One result: its place, the ends of its interval, and what it says when it is pointed at."""

    x: float
    y: float
    low: float
    high: float
    says: str


@dataclass(frozen=True)
class Series:
    """The results of one model, its versions in the order in which they were measured; `look` is from 1."""

    name: str
    look: int
    dots: tuple[Dot, ...]

    @property
    def points(self) -> str:
        """The line through the dots, as SVG writes it."""
        return " ".join(f"{dot.x},{dot.y}" for dot in self.dots)


@dataclass(frozen=True)
class Tick:
    """A line of the grid with its number."""

    y: float
    label: str


@dataclass(frozen=True)
class Chart:
    """One measure of one direction over time, in percent."""

    title: str
    says: str
    series: tuple[Series, ...]
    ticks: tuple[Tick, ...]
    first: str
    last: str


def charts_of(results: Sequence[EvaluationResult]) -> Iterator[Chart]:
    """Yield the charts of a set's results, which come oldest first with their versions."""
    for direction in dict.fromkeys(result.direction for result in results):
        rows = [result for result in results if result.direction == direction and result.measures]
        for measure in MEASURE_WORDS if rows else ():
            yield _chart(direction, measure, rows)


def _chart(direction: str, measure: str, rows: Sequence[EvaluationResult]) -> Chart:
    values = [row.measures[measure] for row in rows]
    low, high = _range(values)
    places = [(_across(place, len(rows)), row) for place, row in enumerate(rows)]
    names = list(dict.fromkeys(row.version.name for row in rows))
    series = tuple(
        Series(
            name,
            min(number, SERIES_MAX),
            tuple(_dot(x, row, measure, (low, high)) for x, row in places if row.version.name == name),
        )
        for number, name in enumerate(names, 1)
    )
    ticks = tuple(Tick(_up(value, low, high), f"{value} %") for value in _ticks(low, high))
    newest = rows[-1]
    words = gettext("{measure_words}, {direction}: {rows} measurements, the newest {version} with").format(
        measure_words=MEASURE_WORDS[measure], direction=direction, rows=len(rows), version=newest.version
    )
    says = gettext("{words} {measures:.1f} percent. The table below has all numbers.").format(
        words=words, measures=Decimals(100 * newest.measures[measure]["value"])
    )
    return Chart(f"{MEASURE_WORDS[measure]}, {direction}", says, series, ticks, _day(rows[0]), _day(newest))


def _dot(x: float, row: EvaluationResult, measure: str, limits: tuple[int, int]) -> Dot:
    one = row.measures[measure]
    y, low, high = (_up(100 * one[name], *limits) for name in ("value", "low", "high"))
    says = gettext("{version}, {day}: {share:.1f} % ({low:.1f} to {high:.1f}), {queries} queries").format(
        version=row.version,
        day=_day(row),
        share=Decimals(100 * one["value"]),
        low=Decimals(100 * one["low"]),
        high=Decimals(100 * one["high"]),
        queries=intcomma(row.queries),
    )
    return Dot(x, y, low, high, says)


def _range(values: Iterable[dict[str, float]]) -> tuple[int, int]:
    """Return the ends of the scale in percent, in whole tens around all intervals."""
    values = list(values)
    low = STEP_PERCENT * floor(10 * min(one["low"] for one in values))
    high = STEP_PERCENT * ceil(10 * max(one["high"] for one in values))
    return (low, high) if high > low else (max(0, low - STEP_PERCENT), min(100, low + STEP_PERCENT))


def _ticks(low: int, high: int) -> range:
    step = STEP_PERCENT if high - low <= 5 * STEP_PERCENT else 2 * STEP_PERCENT
    return range(low, high + 1, step)


def _across(place: int, count: int) -> float:
    inside = WIDTH - LEFT - RIGHT - 16
    return round(LEFT + 8 + (inside * place / (count - 1) if count > 1 else inside / 2), 1)


def _up(percent: float, low: int, high: int) -> float:
    return round(HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (percent - low) / (high - low), 1)


def _day(row: EvaluationResult) -> str:
    return f"{localtime(row.at):%Y-%m-%d}"

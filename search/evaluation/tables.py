"""What was measured by evaluation sets, in words: for the set's page, a version's page and the API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.template.defaultfilters import filesizeformat
from django.utils.timezone import localtime
from django.utils.translation import gettext

from models_admin.hooks import Panel
from models_admin.measured import probe_milliseconds
from retrieval_site.languages.decimals import Decimals
from retrieval_site.languages.lazy import gettext_lazy
from search.evaluation.charts import MEASURE_WORDS
from search.evaluation.rights import evaluation_sets_seen
from search.monitoring.storage import tables_health

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.db.models import QuerySet

    from models_admin.models import ModelVersion
    from search.models import EvaluationResult, EvaluationSet

RESULTS_SHOWN = 400
"""The newest results of a set that its page draws and lists."""


@dataclass(frozen=True)
class ResultRow:
    """One result as people read it: `measures` in percent with intervals, `ahead` of the champion in words."""

    result: EvaluationResult
    day: str
    measures: tuple[tuple[str, str], ...]
    ahead: str
    photo: str
    caption: str
    memory: str
    index: str
    coverage: str


def results_of(evaluation_set: EvaluationSet) -> list[EvaluationResult]:
    """Return a set's newest results with their versions, oldest first."""
    rows = _light(evaluation_set.results.all()).select_related("version")
    return list(rows.order_by("-at", "-id")[:RESULTS_SHOWN])[::-1]


def _light(rows: QuerySet[EvaluationResult]) -> QuerySet[EvaluationResult]:
    """Leave out each query's own values."""
    return rows.defer("values")


def result_row(result: EvaluationResult) -> ResultRow:
    """Return a result in words."""
    cost = result.cost
    return ResultRow(
        result,
        f"{localtime(result.at):%Y-%m-%d %H:%M}",
        tuple((percent(one["value"]), interval(one)) for one in _measures(result)),
        ahead_words(result.against),
        _ms(cost.get("photo_ms")),
        _ms(cost.get("caption_ms")),
        _bytes(cost.get("memory_bytes")),
        _bytes(cost.get("index_bytes")),
        coverage_words(result.coverage),
    )


def _measures(result: EvaluationResult) -> list[Mapping[str, float]]:
    return [result.measures[name] for name in MEASURE_WORDS] if result.measures else []


def percent(share: float) -> str:
    """Return a share in percent with one digit."""
    return f"{Decimals(100 * share):.1f}"


def interval(estimate: Mapping[str, float]) -> str:
    """Return the interval of an estimate in percent."""
    return gettext("{low} to {high}").format(low=percent(estimate["low"]), high=percent(estimate["high"]))


def ahead_words(against: Mapping[str, Any]) -> str:
    """Return in words how a result stands beside the champion's: by nDCG@10, with the interval; "" for no other."""
    if not against:
        return ""
    one = against["differences"]["ndcg_at_10"]
    points = gettext("{gain:+.1f} points ({low:+.1f} to {high:+.1f})").format(
        gain=Decimals(100 * one["value"]), low=Decimals(100 * one["low"]), high=Decimals(100 * one["high"])
    )
    if one["low"] > 0:
        return gettext("better than {against}: {points}").format(against=against["version"], points=points)
    if one["high"] < 0:
        return gettext("worse than {against}: {points}").format(against=against["version"], points=points)
    return gettext("no clear difference to {against}: {points}").format(
        against=against["version"], points=points
    )


def coverage_words(coverage: Mapping[str, Any]) -> str:
    """Return how many of the units have a vector, of all kinds together."""
    total = sum(counts["total"] for counts in coverage.values())
    stored = sum(counts["stored"] for counts in coverage.values())
    return f"{Decimals(100 * stored / total):.1f} %" if total else "–"


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{Decimals(value):.1f} ms"


def _bytes(value: int | None) -> str:
    return filesizeformat(value) if value else "–"


def newest_by_direction(results: QuerySet[EvaluationResult]) -> Sequence[EvaluationResult]:
    """Return the newest of a version's results for each set and direction, by the sets' names."""
    rows = _light(results).select_related("evaluation_set__collection", "version")
    newest = rows.order_by("evaluation_set__name", "direction", "-at", "-id")
    return list(newest.distinct("evaluation_set__name", "direction"))


def good_at_panel(version: ModelVersion, viewer: Any) -> Panel | None:
    """Show how well the version answered each evaluation set last; None where it was never measured."""
    rows = []
    seen = version.evaluation_results.filter(evaluation_set__in=evaluation_sets_seen(viewer))
    for result in newest_by_direction(seen):
        row = result_row(result)
        values = [f"{value} ({around})" for value, around in row.measures] or ["–"] * len(MEASURE_WORDS)
        rows.append((result.evaluation_set, result.direction, *values, row.ahead, row.day))
    if not rows:
        return None
    columns = (
        gettext("evaluation set"),
        gettext("asked → found"),
        *(f"{one}, %" for one in MEASURE_WORDS.values()),
        "beside",
        "measured",
    )
    return Panel(gettext("What it is good at"), columns, rows, GOOD_AT_NOTE)


def cost_panel(version: ModelVersion) -> Panel | None:
    """Show what the version cost when an evaluation set measured it last, else when it was validated."""
    newest = _light(version.evaluation_results.all()).select_related("version").order_by("-at", "-id").first()
    if newest is None:
        return _cost_at_validation(version)
    row = result_row(newest)
    values = (row.photo, row.caption, row.memory, row.index, row.coverage, row.day)
    return _cost(values, COST_NOTE)


def _cost_at_validation(version: ModelVersion) -> Panel | None:
    """Return what validation measured, with what the indexes take now; None where it was not validated."""
    spent = probe_milliseconds(version.report)
    if not spent:
        return None
    sizes = [table.index_bytes for table in tables_health() if table.model == version.key]
    index = _bytes(sum(size or 0 for size in sizes)) if None not in sizes else "–"
    values = (
        _ms(spent.get("image")),
        _ms(spent.get("text")),
        "–",
        index,
        "–",
        gettext("when it was validated"),
    )
    return _cost(values, VALIDATION_COST_NOTE)


def _cost(values: Sequence[str], note: str) -> Panel:
    columns = (
        gettext("a photo"),
        gettext("a caption"),
        gettext("memory"),
        gettext("indexes"),
        gettext("coverage"),
        gettext("measured"),
    )
    return Panel(gettext("What it costs"), columns, [values], note)


VALIDATION_COST_NOTE = gettext_lazy(
    "A photo and a caption: encoding one alone when it was validated, the median of a few, without decoding the "
    "photo. The indexes: now. An evaluation set measures anew what it costs, and its memory and coverage too."
)
COST_NOTE = gettext_lazy(
    "A photo and a caption: encoding one alone on this machine, the median of seven, without decoding "
    "the photo. Memory: what the encoder's process holds. Coverage: units that have their vector."
)
GOOD_AT_NOTE = gettext_lazy(
    "R@1 and R@10: the share of queries with a relevant document first, or among the first ten. MRR: the "
    "mean of 1 / rank of the first relevant one. nDCG@10: how close the first ten are to the best order. "
    "With 95 % intervals."
)

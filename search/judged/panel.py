"""What judgements say of a version, as a table on its admin page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.dateparse import parse_datetime
from django.utils.timezone import localtime
from django.utils.translation import gettext

from models_admin.hooks import Panel
from models_admin.judged import judged_of
from retrieval_site.languages.decimals import Decimals
from retrieval_site.languages.lazy import gettext_lazy

if TYPE_CHECKING:
    from collections.abc import Callable

    from models_admin.judged import Differences, Estimate, Measures
    from models_admin.models import ModelVersion

COLUMNS = {
    "ndcg_at_10_of_judged": gettext_lazy("nDCG@10 among judged"),
    "ndcg_at_10": "nDCG@10",
    "success_at_1": gettext_lazy("relevant first, %"),
    "success_at_10": gettext_lazy("relevant among ten, %"),
    "judged_at_10": gettext_lazy("judged among ten, %"),
}
COVERAGE = "judged_at_10"
"""How much was judged at all: neither model's merit."""
_NOTE = gettext_lazy(
    "{searches} judged searches asked again on {day}{left_out}. Hits that nobody judged count as wrong, "
    "which favours the model that people judged; the first column leaves them out."
)


def judged_panel(version: ModelVersion) -> Panel | None:
    """Show the version's measures, those of the champion, and the differences; None where it was never measured."""
    judged = judged_of(version)
    if judged is None:
        return None
    rows = [_row(str(version), judged.measures, _value)] if judged.measures else []
    if judged.differences:
        rows.append(
            _row(
                gettext("{champion}, champion then").format(champion=judged.champion),
                judged.champion_measures,
                _value,
            )
        )
        rows.append(_row(gettext("difference"), judged.differences, _difference))
        rows.append(_row(gettext("95 % interval"), judged.differences, _interval))
    left_out = (
        gettext("; {left_out} cannot be asked again").format(left_out=intcomma(judged.left_out))
        if judged.left_out
        else ""
    )
    measured_at = parse_datetime(judged.measured_at)
    day = f"{localtime(measured_at):%Y-%m-%d %H:%M}" if measured_at else ""
    note = _NOTE.format(searches=intcomma(judged.searches), day=day, left_out=left_out)
    return Panel(gettext("What people judged"), (gettext("model"), *COLUMNS.values()), rows, note)


def _row(
    name: str, values: Measures | Differences | None, shown: Callable[[str, Any], str]
) -> tuple[str, ...]:
    return (name, *(shown(measure, getattr(values, measure)) for measure in COLUMNS))


def _value(measure: str, value: float, sign: str = "") -> str:
    return (
        f"{Decimals(value):{sign}.3f}" if measure.startswith("ndcg") else f"{Decimals(100 * value):{sign}.1f}"
    )


def _difference(measure: str, found: Estimate) -> str:
    return "" if measure == COVERAGE else _value(measure, found.value, "+")


def _interval(measure: str, found: Estimate) -> str:
    low, high = (_value(measure, end, "+") for end in (found.low, found.high))
    return "" if measure == COVERAGE else gettext("{low} to {high}").format(low=low, high=high)

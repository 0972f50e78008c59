"""What judgements say of a version, as a table on its admin page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.dateparse import parse_datetime
from django.utils.timezone import localtime

from models_admin.hooks import Panel

if TYPE_CHECKING:
    from models_admin.models import ModelVersion

COLUMNS = {
    "ndcg_at_10_of_judged": "nDCG@10 among judged",
    "ndcg_at_10": "nDCG@10",
    "success_at_1": "relevant first, %",
    "success_at_10": "relevant among ten, %",
    "judged_at_10": "judged among ten, %",
}
_NOTE = (
    "{searches:,} judged searches asked again on {day}{left_out}. Hits that nobody judged count as wrong, "
    "which favours the model that people judged; the first column leaves them out."
)


def judged_panel(version: ModelVersion) -> Panel | None:
    """Show the version's measures, those of the champion, and the differences; None where it was never measured."""
    judged = version.judged
    if not judged:
        return None
    rows = [_row(str(version), judged["measures"], _shown)] if judged["measures"] else []
    if judged["differences"]:
        rows.append(_row(f"{judged['champion']}, champion then", judged["champion_measures"], _shown))
        rows.append(_row("difference, 95 %", judged["differences"], _difference))
    left_out = f"; {judged['left_out']:,} cannot be asked again" if judged["left_out"] else ""
    measured_at = parse_datetime(judged["measured_at"])
    day = f"{localtime(measured_at):%Y-%m-%d %H:%M}" if measured_at else ""
    note = _NOTE.format(searches=judged["searches"], day=day, left_out=left_out)
    return Panel("What people judged", ("", *COLUMNS.values()), rows, note)


def _row(name: str, values: dict[str, Any], shown: Any) -> tuple[str, ...]:
    return (name, *(shown(measure, values[measure]) for measure in COLUMNS))


def _scaled(measure: str, value: float, sign: str = "") -> str:
    return f"{value:{sign}.3f}" if measure.startswith("ndcg") else f"{100 * value:{sign}.1f}"


def _shown(measure: str, value: float) -> str:
    return _scaled(measure, value)


def _difference(measure: str, found: dict[str, float]) -> str:
    value, low, high = (_scaled(measure, found[key], "+") for key in ("value", "low", "high"))
    return f"{value} ({low} to {high})"

"""What is beyond its threshold now, by the last measurements."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext

from retrieval_site.languages.decimals import Decimals
from search.models import DriftMeasurement, RecallMeasurement
from search.monitoring.kept import WatchedDirection, has_kept
from search.monitoring.outcomes import outcomes_of_last_day
from search.monitoring.storage import tables_health
from search.relevance.shift import SHIFTED
from search.vectors.index import table_state
from search.vectors.tables import VectorTable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet

SEARCHES_MIN = 50
"""Searches of a day below which a share of them says little."""
FRESH = timedelta(days=2)
"""Measurements come daily: an older one was not made again, most often because there is nothing left to measure."""
LATEST_BY = ("version_id", "kind", "modality")


@dataclass(frozen=True)
class HealthAlert:
    """One threshold that was crossed: a name that stays the same while it lasts, a sentence, the value, the limit."""

    name: str
    sentence: str
    value: float
    limit: float


def latest_recalls() -> QuerySet[RecallMeasurement]:
    """Return the last measurement of each direction and kind of index, of versions whose vectors stand."""
    rows = RecallMeasurement.objects.select_related("version").filter(version__state="ready")
    return rows.order_by(*LATEST_BY, "-at").distinct(*LATEST_BY)


def latest_drifts() -> QuerySet[DriftMeasurement]:
    """Return the last measurement of each direction, of versions whose vectors stand."""
    rows = DriftMeasurement.objects.select_related("version").filter(version__state="ready")
    return rows.order_by(*LATEST_BY, "-at").distinct(*LATEST_BY)


def recalls_now() -> list[RecallMeasurement]:
    """Return the last measurements that say something of today: their index stands, and could be measured again.

    One that is old although there is something to measure stays, so that its age is an alert.
    """
    return [row for row in latest_recalls() if _index_stands(row) and (_is_fresh(row) or _measurable(row))]


def drifts_now() -> list[DriftMeasurement]:
    """Return the last measurements that are fresh: a week with few searches is not measured, and says nothing."""
    return [row for row in latest_drifts() if _is_fresh(row)]


def _is_fresh(row: RecallMeasurement | DriftMeasurement) -> bool:
    return row.at >= timezone.now() - FRESH


def _index_stands(row: RecallMeasurement) -> bool:
    state = table_state(VectorTable(row.version_id, row.kind))
    return state is not None and state[1] == row.index


def _measurable(row: RecallMeasurement) -> bool:
    return has_kept(WatchedDirection(row.version, row.kind, row.modality))


def alerts_now() -> list[HealthAlert]:
    """Return every threshold that is crossed."""
    return [*_recall(), *_drift(), *_tables(), *_outcomes()]


def _recall() -> Iterator[HealthAlert]:
    for row in recalls_now():
        if row.high < row.target:
            name = f"recall {row.version.key} {row.modality} {row.kind}"
            sentence = gettext(
                "The index finds {recall:.1%} of the ten nearest {kind}s for {modality} queries, "
                "significantly less than the target of {target:.0%}."
            ).format(recall=Decimals(row.recall), kind=row.kind, modality=row.modality, target=row.target)
            yield HealthAlert(name, sentence, row.recall, row.target)


def _drift() -> Iterator[HealthAlert]:
    for row in drifts_now():
        if row.psi >= max(SHIFTED, row.chance):
            name = f"drift {row.version.key} {row.modality} {row.kind}"
            sentence = gettext(
                "The {modality} queries of the last week are unlike the reference (PSI {psi:.2f})."
            ).format(modality=row.modality, psi=Decimals(row.psi))
            yield HealthAlert(name, sentence, row.psi, SHIFTED)


def _tables() -> Iterator[HealthAlert]:
    for table in tables_health():
        if table.needs_vacuum:
            sentence = gettext("{dead_share:.0%} of the rows of {model}'s {kind} vectors are dead.").format(
                dead_share=table.dead_share, model=table.model, kind=table.kind
            )
            yield HealthAlert(f"dead rows {table.model} {table.kind}", sentence, table.dead_share, 0.2)


def _outcomes() -> Iterator[HealthAlert]:
    day, config = outcomes_of_last_day(), settings.CONFIG
    if day.total < SEARCHES_MIN:
        return
    if day.none_share >= config.no_match_alert:
        sentence = gettext("{none_share:.0%} of the searches of the last 24 hours found no match.").format(
            none_share=day.none_share
        )
        yield HealthAlert("no match", sentence, day.none_share, config.no_match_alert)
    if day.low_share >= config.low_confidence_alert:
        sentence = gettext(
            "{low_share:.0%} of the searches of the last 24 hours had matches of low confidence alone."
        ).format(low_share=day.low_share)
        yield HealthAlert("low confidence", sentence, day.low_share, config.low_confidence_alert)

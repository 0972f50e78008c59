"""What the health page shows, read from the last measurements and from PostgreSQL."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.translation import gettext

from search.job_types import MONITOR
from search.models import DriftMeasurement, RecallMeasurement, SearchSetting
from search.monitoring.alerts import alerts_now, latest_drifts, latest_recalls
from search.monitoring.curves import curve
from search.monitoring.drift import drift_in_words
from search.monitoring.outcomes import latest_failures, outcomes, repeated_failures
from search.monitoring.recall import DEFAULTS
from search.monitoring.storage import tables_health
from workers.jobs.services import ACTIVE
from workers.models import Job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from search.monitoring.curves import TimeCurve
    from search.monitoring.outcomes import DayOutcomes

HISTORY = timedelta(days=180)
LOGGED = 20


@dataclass(frozen=True)
class RecallShown:
    """The last recall of one direction, its curve, the setting that counts now, and whether another is offered."""

    row: RecallMeasurement
    curve: TimeCurve | None
    setting_now: int
    applied: SearchSetting | None

    @property
    def setting_name(self) -> str:
        """What the setting of this kind of index is called."""
        return "ef_search" if self.row.index == "hnsw" else "candidates"

    @property
    def reached(self) -> bool:
        """Whether the recall reaches the target."""
        return self.row.recall >= self.row.target

    @property
    def offered(self) -> int | None:
        """The setting that one click applies: the measurement's best, where another one counts now."""
        return self.row.best_setting if self.row.best_setting != self.setting_now else None


@dataclass(frozen=True)
class DriftShown:
    """The last drift of one direction, what it means, and its curve."""

    row: DriftMeasurement
    words: str
    curve: TimeCurve | None


def page_context() -> dict[str, Any]:
    """Return all that the page's template shows."""
    days = outcomes()
    job = Job.objects.filter(type=MONITOR.name).first()
    return {
        "alerts": alerts_now(),
        "recalls": _recalls(),
        "drifts": _drifts(),
        "tables": tables_health(),
        "days": list(reversed(days[-14:])),
        "low_curve": _share_curve(days, "low_share", gettext("Share of searches with low confidence by day")),
        "none_curve": _share_curve(days, "none_share", gettext("Share of searches without a match by day")),
        "failures": latest_failures(),
        "repeated": repeated_failures(),
        "applied": SearchSetting.objects.select_related("version", "by", "undone_by")[:LOGGED],
        "job": job,
        "busy": job is not None and job.state in ACTIVE,
    }


def _recalls() -> list[RecallShown]:
    since = timezone.now() - HISTORY
    history: defaultdict[Any, list[tuple[Any, float]]] = defaultdict(list)
    for row in RecallMeasurement.objects.filter(at__gte=since).order_by("at").defer("ladder"):
        history[_direction(row)].append((row.at, row.recall))
    return [
        RecallShown(
            row,
            curve(
                history[_direction(row)],
                gettext("recall@10 of {key}, {modality} queries, over time").format(
                    key=row.version.key, modality=row.modality
                ),
                low=0.5,
                limit=row.target,
            ),
            found.value if (found := _applied(row)) else DEFAULTS[row.index],
            found,
        )
        for row in latest_recalls()
    ]


def _applied(row: RecallMeasurement) -> SearchSetting | None:
    """Return the setting that counts now for a direction: its own, else that of the whole table."""
    standing = SearchSetting.objects.filter(
        version=row.version_id, kind=row.kind, index=row.index, undone_at__isnull=True
    )
    for modality in (row.modality, ""):
        if found := standing.filter(modality=modality).select_related("by").order_by("-at", "-pk").first():
            return found
    return None


def _drifts() -> list[DriftShown]:
    since = timezone.now() - HISTORY
    history: defaultdict[Any, list[tuple[Any, float]]] = defaultdict(list)
    for row in DriftMeasurement.objects.filter(at__gte=since).order_by("at"):
        history[_key(row)].append((row.at, row.psi))
    return [
        DriftShown(
            row,
            drift_in_words(row),
            curve(
                history[_key(row)],
                gettext("PSI of {key}, {modality} queries, over time").format(
                    key=row.version.key, modality=row.modality
                ),
                high=max(0.5, *(value for _, value in history[_key(row)])),
                limit=0.25,
            ),
        )
        for row in latest_drifts()
    ]


def _key(row: Any) -> tuple[Any, ...]:
    return row.version_id, row.kind, row.modality


def _direction(row: Any) -> tuple[Any, ...]:
    return *_key(row), row.index


def _share_curve(days: Sequence[DayOutcomes], name: str, label: str) -> TimeCurve | None:
    return curve([(day.day, getattr(day, name)) for day in days], label)

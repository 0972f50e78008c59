"""The daily measurement of the index and of searches, as a job."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from models_admin.versions import versions_live
from retrieval_site.events import event_tell
from search.indexing.dropped import passed_over_once_dropped
from search.job_types import MONITOR, MonitorResult
from search.models import DriftMeasurement, QueryPart, RecallMeasurement
from search.monitoring.alerts import alerts_now
from search.monitoring.drift import measure_drift
from search.monitoring.kept import MODALITIES, WatchedDirection
from search.monitoring.recall import measure_recall
from search.monitoring.tuning import candidates_follow
from search.vectors.tables import tables_of
from workers.jobs.services import job_create_once
from workers.models import Job, JobState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from search.monitoring.alerts import HealthAlert
    from workers.jobs.context import JobRun
    from workers.jobs.types import JobParameters

KEPT = timedelta(days=400)
"""How long measurements are kept: a year can be compared with the one before."""


def monitor_start() -> Job:
    """Start measuring now; while such a job waits or runs, return that."""
    return job_create_once(MONITOR, MONITOR.parameters())[0]


def monitoring_due() -> bool:
    """Return whether there is something to measure: a version that answers, and a kept search."""
    return bool(versions_live()) and QueryPart.objects.filter(embedding__isnull=False).exists()


def measure_all(run: JobRun[JobParameters, MonitorResult]) -> MonitorResult:
    """Measure every direction of every live version, keep it, and tell which thresholds were crossed since.

    A run that goes on after a kill measures again what it measured: the newest row of a direction counts.
    """
    directions = list(_directions())
    run.stage("measure recall and drift", len(directions))
    recalls = drifts = 0
    for direction in directions:
        with passed_over_once_dropped(direction.version):
            recall = measure_recall(direction, run.checkpoint)
            if recall is not None:
                recalls += 1
                candidates_follow(recall)
            drifts += measure_drift(direction) is not None
        run.advance(1)
        run.checkpoint()
    _forget_old()
    alerts = alerts_now()
    _tell_new(alerts)
    return MonitorResult(recalls=recalls, drifts=drifts, alerts=tuple(alert.name for alert in alerts))


def _directions() -> Iterator[WatchedDirection]:
    for version in versions_live():
        for table in tables_of(version):
            if table.exists():
                yield from (WatchedDirection(version, table.kind, modality) for modality in MODALITIES)


def _forget_old() -> None:
    before = timezone.now() - KEPT
    for rows in (RecallMeasurement.objects, DriftMeasurement.objects):
        rows.filter(at__lt=before).delete()


def _tell_new(alerts: list[HealthAlert]) -> None:
    """Tell of alerts that the last finished measurement did not have: one that lasts is told once."""
    last = Job.objects.filter(type=MONITOR.name, state=JobState.SUCCEEDED).order_by("-finished_at").first()
    known = set(MONITOR.result_of(last).alerts or ()) if last else set()
    for alert in alerts:
        if alert.name not in known:
            event_tell(
                "health.alert",
                {
                    "alert": alert.name,
                    "sentence": alert.sentence,
                    "value": round(alert.value, 4),
                    "limit": alert.limit,
                },
            )

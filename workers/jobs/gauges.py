"""Jobs as numbers for `/metrics`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Count, Min
from django.db.models.functions import Now
from django.utils import timezone

from retrieval_site.health.gauges import Gauge
from workers.models import Job, JobState

if TYPE_CHECKING:
    from collections.abc import Iterable

OPEN = (JobState.QUEUED, JobState.RUNNING, JobState.PAUSED)
HOUR = timedelta(hours=1)


def job_gauges() -> Iterable[Gauge]:
    """Return the jobs that are not ended by state, for how long one has waited at most, and the last hour's ends.

    One that is put off, resumed or retried waits anew: workers are there, and looked at it.
    """
    waiting = Job.objects.filter(state__in=OPEN).values_list("state").annotate(number=Count("pk")).order_by()
    counted = dict(waiting)
    yield Gauge("jobs", "Jobs.", ("state",), {(str(state),): counted.get(state, 0) for state in OPEN})
    oldest = Job.objects.filter(state=JobState.QUEUED).aggregate(at=Min("queued_at"))["at"]
    waited = max(0.0, (timezone.now() - oldest).total_seconds()) if oldest else 0.0
    yield Gauge("jobs_oldest_queued_seconds", "For how long a job has waited at most.", (), {(): waited})
    ended = (
        Job.objects.filter(finished_at__gt=Now() - HOUR)
        .values_list("type", "state")
        .annotate(number=Count("pk"))
        .order_by()
    )
    yield Gauge(
        "jobs_ended_last_hour",
        "Jobs that ended within the last hour.",
        ("type", "state"),
        {(type_, str(state)): number for type_, state, number in ended},
    )

"""What a job that failed for a passing reason left without vectors is encoded by another one, sooner or later.

Units are encoded by whichever job comes next; where nobody imports anything for days, none would come.
"""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from models_admin.job_types import PREPARE
from search.indexing.broken import PASSING
from search.job_types import ENCODE, IMPORT, SOURCE_ROUND
from workers.jobs.services import job_create_once
from workers.jobs.types import JobParameters
from workers.models import Job, JobItem, JobState

WITHIN = timedelta(days=1)
WAIT = timedelta(minutes=1)
WAIT_MAX = timedelta(hours=1)
FAILURES_COUNTED = timedelta(hours=2)
"""Failures so near to each other double the wait: what has no memory now may have none for a while."""
_FAILURES = (
    "job.memory", "job.lost", "job.crashed", "job.database_failed", "job.disk_full", "job.broker_failed",
    "encoder.memory", "encoder.cannot_load",
)  # fmt: skip


def encode_again() -> Job | None:
    """Start a job that encodes what is missing where one failed, for a passing reason, and none was asked for since."""
    ended = Job.objects.filter(
        type__in=[each.name for each in (ENCODE, IMPORT, SOURCE_ROUND, PREPARE)],
        finished_at__gt=Now() - WITHIN,
    )
    left_units = Exists(JobItem.objects.filter(job=OuterRef("pk"), error_id__in=PASSING))
    failed = ended.filter(Q(state=JobState.FAILED, error_id__in=_FAILURES) | Q(left_units))
    latest = failed.order_by("-finished_at").values_list("finished_at", flat=True).first()
    if latest is None or Job.objects.filter(type=ENCODE.name, created_at__gt=latest).exists():
        return None
    count = failed.filter(finished_at__gt=Now() - FAILURES_COUNTED).count()
    wait = min(WAIT_MAX, WAIT * 2 ** min(max(count - 1, 0), 10))
    if failed.filter(finished_at__gt=Now() - wait).exists():
        return None
    return job_create_once(ENCODE, JobParameters())[0]

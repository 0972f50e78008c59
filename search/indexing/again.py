"""What a job that failed for a passing reason left without vectors is encoded by another one, sooner or later.

Units are encoded by whichever job comes next; where nobody imports anything for days, none would come.
"""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Exists, Max, Min, OuterRef, Q
from django.db.models.functions import Now

from models_admin.job_types import LEARN, PREPARE
from search.indexing.broken import PASSING
from search.job_types import ENCODE, IMPORT, SOURCE_ROUND
from workers.jobs.services import job_create_once
from workers.jobs.types import JobParameters
from workers.models import Job, JobItem, JobState

WITHIN = timedelta(days=1)
WAIT, WAIT_MAX = timedelta(minutes=1), timedelta(hours=1)
_ENCODING = [each.name for each in (ENCODE, IMPORT, SOURCE_ROUND, PREPARE, LEARN)]
_FAILURES = (
    "job.memory", "job.lost", "job.crashed", "job.database_failed", "job.disk_full", "job.broker_failed",
    "encoder.memory", "encoder.cannot_load",
)  # fmt: skip


def encode_again() -> Job | None:
    """Start a job that encodes what is missing where one failed, for a passing reason, and none was asked for since.

    It waits for as long as they have been failing without one that succeeded, so that the waits double.
    """
    ended = Job.objects.filter(type__in=_ENCODING, finished_at__gt=Now() - WITHIN)
    left_units = Exists(
        JobItem.objects.filter(job=OuterRef("pk"), error_id__in=PASSING, payload__has_key="unit")
    )
    failed = ended.filter(Q(state=JobState.FAILED, error_id__in=_FAILURES) | Q(left_units))
    last = failed.aggregate(at=Max("finished_at"))["at"]
    if last is None or Job.objects.filter(type=ENCODE.name, created_at__gt=last).exists():
        return None
    whole = ended.filter(state=JobState.SUCCEEDED).exclude(left_units)
    if succeeded := whole.aggregate(at=Max("finished_at"))["at"]:
        failed = failed.filter(finished_at__gt=succeeded)
    first = failed.aggregate(at=Min("finished_at"))["at"] or last
    wait = min(WAIT_MAX, max(WAIT, last - first))
    if failed.filter(finished_at__gt=Now() - wait).exists():
        return None
    return job_create_once(ENCODE, JobParameters())[0]

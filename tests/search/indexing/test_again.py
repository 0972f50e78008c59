"""What failed jobs left without vectors is encoded by another job, and not in a hurry."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from search.indexing.again import encode_again
from search.job_types import ENCODE, FIND_NEW
from workers.jobs.daily import _SCHEDULED
from workers.jobs.services import job_create
from workers.jobs.types import JobParameters
from workers.models import Job, JobItem, JobState

pytestmark = pytest.mark.django_db


def ended(minutes: float, *, kind=ENCODE.name, state=JobState.FAILED, error_id="job.memory") -> Job:
    """A job that was made and ended so long ago."""
    job = Job.objects.create(type=kind, state=state, error_id=error_id)
    then = timezone.now() - timedelta(minutes=minutes)
    Job.objects.filter(pk=job.pk).update(created_at=then - timedelta(seconds=1), finished_at=then)
    return job


def test_it_is_asked_for_every_half_minute() -> None:
    assert encode_again in _SCHEDULED


@pytest.mark.parametrize("kind", ["encode", "import", "source_round", "prepare", "learn_from_marks"])
@pytest.mark.parametrize("error_id", ["job.lost", "encoder.memory", "job.database_failed"])
def test_one_job_is_started_where_one_failed_for_what_passes(kind, error_id) -> None:
    ended(2, kind=kind, error_id=error_id)
    job = encode_again()
    assert job is not None
    assert (job.type, job.state, job.owner) == ("encode", "queued", None)
    assert encode_again() is None


def test_units_that_were_left_out_for_want_of_memory_are_tried_again() -> None:
    job = ended(2, state=JobState.SUCCEEDED, error_id="")
    JobItem.objects.create(job=job, key="a picture", error_id="image.truncated", reason="damaged")
    assert encode_again() is None
    refused = {
        "key": "a file that was refused at its import",
        "error_id": "image.memory",
        "reason": "no memory",
    }
    JobItem.objects.create(job=job, **refused)
    assert encode_again() is None
    JobItem.objects.create(job=job, **refused | {"key": "another", "payload": {"unit": 1}})
    assert encode_again() is not None


@pytest.mark.parametrize(
    "fields",
    [
        {"minutes": 0.5},
        {"minutes": 60 * 25},
        {"minutes": 2, "error_id": "version.set_aside"},
        {"minutes": 2, "kind": FIND_NEW.name},
        {"minutes": 2, "state": JobState.SUCCEEDED, "error_id": ""},
    ],
    ids=["just now", "long ago", "for good", "of another type", "not failed"],
)
def test_nothing_is_started_otherwise(fields) -> None:
    ended(**fields)
    assert encode_again() is None


def test_somebody_who_asked_since_is_enough() -> None:
    ended(9)
    job_create(ENCODE, JobParameters())
    assert encode_again() is None


def test_it_waits_for_as_long_as_they_have_been_failing() -> None:
    for minutes in (7, 10, 15):
        ended(minutes)
    assert encode_again() is None, "they failed for eight minutes, and the last of them seven ago"
    ended(12, state=JobState.SUCCEEDED, error_id="")
    assert encode_again() is not None, "for three"

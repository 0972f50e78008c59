"""Sources are read by their schedules: once when they are due, not while they are paused, and in their owner's name."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from search.models import Source
from search.services.sources import rounds_of, source_start, source_update, sources_start_due
from tests.support.sources import put, report
from workers.jobs import services
from workers.jobs.daily import start_scheduled
from workers.jobs.runner import run_job_inline
from workers.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def source(rounds, tmp_path, anna):
    put(tmp_path / "share", "a.jpg")
    found = rounds.source("folder", tmp_path / "share")
    return source_update(source=found, by=anna, every_hours=24, paused=False)


def due(source: Source) -> None:
    Source.objects.filter(pk=source.pk).update(next_round_at=timezone.now() - timedelta(minutes=1))


def stored(source: Source) -> list[Job]:
    return [job for job in rounds_of(source) if "dry_run" not in job.params]


def test_a_source_is_read_when_it_is_due_and_then_a_day_later(source, anna):
    start_scheduled()
    (job,) = stored(source)
    assert job.owner == anna
    assert report(run_job_inline(job)) == {"new": 1}
    assert sources_start_due() == 0
    source.refresh_from_db()
    assert timedelta(hours=23) < source.next_round_at - timezone.now() <= timedelta(hours=24)
    due(source)
    assert sources_start_due() == 1
    assert report(run_job_inline(stored(source)[0])) == {"unchanged": 1}


def test_a_paused_source_is_left_alone(source, anna):
    source_update(source=source, by=anna, paused=True)
    assert sources_start_due() == 0


def test_a_round_that_is_still_at_work_is_not_overtaken(source, anna):
    job = source_start(source=source, by=anna)
    services.job_request_pause(job)
    due(source)
    assert sources_start_due() == 0
    assert stored(source) == [job]
    source.refresh_from_db()
    assert source.next_round_at > timezone.now()


def test_without_its_owner_nobody_answers_for_a_round(source, anna):
    anna.delete()
    assert sources_start_due() == 0

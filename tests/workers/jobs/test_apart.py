"""Jobs in processes of their own: memory without bound, signals, cancelling, and that other jobs notice nothing."""

from __future__ import annotations

import threading
import time

import psutil
import pytest
from django.db import connection

from tests.support.hostile_jobs import HOSTILE, HostileParameters
from tests.support.workers import wait_until
from workers.jobs import services
from workers.jobs.apart import run_job_apart
from workers.jobs.context import stopping
from workers.models import Job

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("clean_redis", "job_processes"),
]


def started(type_: str, **params) -> tuple[Job, threading.Thread]:
    """A job that runs in its process, watched by a thread as in a worker."""
    job = services.job_create(HOSTILE[type_], HostileParameters(**params))

    def run() -> None:
        run_job_apart(job.pk)
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return job, thread


def ended(job: Job, thread: threading.Thread) -> Job:
    thread.join(60)
    assert not thread.is_alive()
    job.refresh_from_db()
    return job


def running(job: Job) -> Job:
    wait_until(lambda: Job.objects.get(pk=job.pk).done > 0, what="the job's first steps")
    job.refresh_from_db()
    return job


def test_a_job_that_grows_without_bound_fails_for_its_memory_at_once_and_its_neighbour_goes_on():
    neighbour = started("test-steps", steps=150)
    running(neighbour[0])
    grown = ended(*started("test-grow"))
    assert (grown.state, grown.error_id, grown.attempts) == ("failed", "job.memory", 1)
    assert "400 MB" in grown.error
    assert ended(*neighbour).state == "succeeded"


def test_a_job_that_asks_for_too_much_at_once_fails_for_its_memory_too():
    grabbed = ended(*started("test-grab"))
    assert (grabbed.state, grabbed.error_id, grabbed.attempts) == ("failed", "job.memory", 1)


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV"])
def test_a_job_that_kills_its_process_is_tried_twice_and_then_lost_with_the_signal_named(name):
    job, thread = started("test-signal", signal=name)
    assert (ended(job, thread).state, job.attempts, job.enqueued_at) == ("queued", 1, None)
    run_job_apart(job.pk)
    job.refresh_from_db()
    assert (job.state, job.error_id, job.attempts) == ("failed", "job.lost", 2)
    assert name in job.error


def test_a_job_whose_process_leaves_by_itself_is_lost_with_its_exit_code():
    job, thread = started("test-leave")
    assert ended(job, thread).state == "queued"
    run_job_apart(job.pk)
    job.refresh_from_db()
    assert (job.error_id, "exit code 3" in job.error) == ("job.lost", True)


def test_a_job_is_cancelled_between_steps_and_its_process_takes_the_next_job():
    job, thread = started("test-steps", steps=2000)
    running(job)
    services.job_request_cancel(job)
    assert ended(job, thread).state == "cancelled"
    after = ended(*started("test-steps", steps=1))
    assert (after.state, after.result["pid"]) == ("succeeded", job.result["pid"])


def test_a_worker_that_shuts_down_hands_its_job_back_uncounted():
    job, thread = started("test-steps", steps=2000)
    running(job)
    stopping.set()
    assert (ended(job, thread).state, job.attempts) == ("queued", 0)
    wait_until(lambda: not psutil.pid_exists(job.result["pid"]), what="the end of the job's process")


def test_a_job_that_hangs_ends_with_its_process_once_its_lease_is_lost(monkeypatch):
    monkeypatch.setattr("workers.jobs.lease.RENEW_SECONDS", 0.1)
    job, thread = started("test-hang")
    pid = running(job).result["pid"]
    Job.objects.filter(pk=job.pk).update(state="cancelled", lease_token=None)
    assert ended(job, thread).state == "cancelled"
    wait_until(lambda: not psutil.pid_exists(pid), what="the end of the job's process")


def test_a_warm_process_takes_a_small_job_within_a_moment():
    ended(*started("test-steps", steps=0))
    began = time.monotonic()
    ended(*started("test-steps", steps=0))
    assert time.monotonic() - began < 5

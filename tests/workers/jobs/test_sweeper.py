"""The sweeper against the real broker and database: dead workers, lost messages, an emptied Redis."""

from __future__ import annotations

import json
import threading
import uuid
from datetime import timedelta

import pytest
from celery import current_app
from django.db import connection, transaction
from django.utils import timezone

from retrieval_site.tracing import asked_by
from tests.support.probe_jobs import PROBE, ProbeParameters
from workers.jobs import enqueue, lease, services, sweeper
from workers.jobs.lease import LeaseRenewal
from workers.jobs.sweeper import Sweep, Sweeper, bulk_worker_alive, sweep
from workers.models import Job, JobState

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("clean_redis")]

LONG_AGO = timedelta(minutes=5)


def running_job(**values) -> Job:
    job = services.job_create(PROBE, ProbeParameters())
    claimed = services.job_claim(job.pk)
    Job.objects.filter(pk=job.pk).update(**values)
    return claimed


def waiting_messages() -> int:
    with current_app.connection_for_read() as broker:
        return broker.default_channel.queue_declare(enqueue.QUEUE, passive=True).message_count


def test_a_message_is_sent_after_commit_and_only_then(clean_redis):
    with transaction.atomic():
        job = services.job_create(PROBE, ProbeParameters())
        assert not clean_redis.exists(enqueue.QUEUE)
    assert waiting_messages() == 1
    job.refresh_from_db()
    assert job.enqueued_at is not None


def test_a_rolled_back_job_is_never_sent(clean_redis):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        services.job_create(PROBE, ProbeParameters())
        raise ZeroDivisionError
    assert not clean_redis.exists(enqueue.QUEUE)


def test_without_a_broker_the_job_waits_unmarked_and_the_sweeper_sends_it_later(monkeypatch, clean_redis):
    def refuse(*args, **kwargs):
        raise ConnectionRefusedError("no broker")

    with monkeypatch.context() as patched:
        patched.setattr(enqueue.current_app, "send_task", refuse)
        job = services.job_create(PROBE, ProbeParameters())
    job.refresh_from_db()
    assert (job.state, job.enqueued_at) == ("queued", None)
    assert sweep() == Sweep(sent=1)
    assert waiting_messages() == 1


def test_a_job_whose_lease_ran_out_is_taken_back_and_sent(clean_redis):
    job = running_job(lease_until=timezone.now() - LONG_AGO)
    clean_redis.flushdb()
    assert sweep() == Sweep(taken_back=1, sent=1)
    job.refresh_from_db()
    assert (job.state, job.attempts, job.lease_token) == ("queued", 1, None)


def test_a_job_with_a_live_lease_is_left_alone():
    job = running_job()
    assert sweep() == Sweep()
    job.refresh_from_db()
    assert job.state == JobState.RUNNING


def test_a_clock_that_was_put_back_holds_up_no_job(clean_redis):
    dead = running_job(lease_until=timezone.now() + LONG_AGO)
    lost = services.job_create(PROBE, ProbeParameters())
    Job.objects.filter(pk=lost.pk).update(enqueued_at=timezone.now() + LONG_AGO)
    clean_redis.flushdb()
    assert sweep() == Sweep(taken_back=1, sent=2)
    dead.refresh_from_db()
    assert dead.state == JobState.QUEUED


def test_a_job_that_kills_every_worker_is_given_up():
    job = running_job(lease_until=timezone.now() - LONG_AGO, attempts=services.ATTEMPTS_MAX)
    assert sweep() == Sweep(given_up=1)
    job.refresh_from_db()
    assert (job.state, job.error_id) == ("failed", "job.lost")


@pytest.mark.parametrize(("request_", "state"), [("cancel", "cancelled"), ("pause", "paused")])
def test_a_request_that_a_dead_worker_never_obeyed_is_obeyed_by_the_sweeper(request_, state):
    job = running_job(lease_until=timezone.now() - LONG_AGO, request=request_)
    sweep()
    job.refresh_from_db()
    assert (job.state, job.request) == (state, "")


def test_a_message_lost_with_an_emptied_redis_is_sent_again(clean_redis):
    job = services.job_create(PROBE, ProbeParameters())
    clean_redis.flushdb()
    assert sweep() == Sweep()  # it may still be on its way
    Job.objects.filter(pk=job.pk).update(enqueued_at=timezone.now() - LONG_AGO)
    assert sweep() == Sweep(sent=1)
    assert waiting_messages() == 1


def test_a_job_that_is_sent_again_keeps_the_request_that_asked_for_it_last(clean_redis):
    with asked_by("import-17"):
        job = services.job_create(PROBE, ProbeParameters())
    for asker in ("import-17", "retry-18"):
        clean_redis.flushdb()
        Job.objects.filter(pk=job.pk).update(enqueued_at=timezone.now() - LONG_AGO)
        assert sweep() == Sweep(sent=1)
        (message,) = clean_redis.lrange(enqueue.QUEUE, 0, -1)
        assert json.loads(message)["headers"][enqueue.TRACE] == {"request_id": asker}
        Job.objects.filter(pk=job.pk).update(state=JobState.FAILED)
        with asked_by("retry-18"):
            services.job_retry(job)


def test_while_messages_wait_in_the_queue_nothing_is_sent_twice(clean_redis):
    for _ in range(2):
        services.job_create(PROBE, ProbeParameters())
    Job.objects.update(enqueued_at=timezone.now() - LONG_AGO)
    assert sweep() == Sweep()
    assert waiting_messages() == 2


def test_only_one_sweeper_sweeps_at_a_time():
    running_job(lease_until=timezone.now() - LONG_AGO)
    locked, release = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            assert sweeper._lock()
            locked.set()
            release.wait(10)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert locked.wait(10)
    assert sweep() == Sweep()
    release.set()
    holder.join()
    assert sweep().taken_back == 1


def test_the_sweeper_thread_says_that_a_bulk_worker_lives():
    assert not bulk_worker_alive()
    thread = Sweeper()
    thread.start()
    deadline = threading.Event()
    for _ in range(100):
        if bulk_worker_alive():
            break
        deadline.wait(0.05)
    thread.end.set()
    thread.join(10)
    assert bulk_worker_alive()


def test_the_lease_is_renewed(monkeypatch):
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.02)
    job = running_job(lease_until=timezone.now())
    with LeaseRenewal(job) as renewal:
        renewal.lost.wait(0.3)
    assert not renewal.lost.is_set()
    job.refresh_from_db()
    assert job.lease_until > timezone.now() + timedelta(seconds=5)


def test_the_heartbeat_notices_that_another_run_holds_the_job(monkeypatch):
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.02)
    job = running_job(lease_token=uuid.uuid4())
    with LeaseRenewal(job) as renewal:
        assert renewal.lost.wait(5)

"""A job's life in one process: every way in which a run can end, and what the row says afterwards."""

from __future__ import annotations

import errno
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError
from django.utils import timezone
from redis.exceptions import ConnectionError as RedisConnectionError

from retrieval_site.errors import AppError
from tests.support.probe_jobs import PROBE, ProbeParameters
from workers.inference.errors import PictureError
from workers.jobs import context, registry, services
from workers.jobs.context import JobContext, JobRun
from workers.jobs.errors import JobDeferred, LeaseLost
from workers.jobs.registry import job_handler
from workers.jobs.runner import run_job, run_job_inline
from workers.models import Job, JobState

pytestmark = pytest.mark.django_db


@pytest.fixture
def handle(monkeypatch: pytest.MonkeyPatch):
    """Register a function as the handler of type `probe` for one test."""
    monkeypatch.setattr(registry, "_HANDLERS", dict(registry._HANDLERS))

    def register(handler):
        registry._HANDLERS[PROBE.name] = registry.JobHandler(PROBE, handler)

    return register


@pytest.fixture
def job() -> Job:
    return services.job_create(PROBE, ProbeParameters(n=3))


def test_a_job_that_ends_well_has_its_result_and_its_counts(handle, job):
    def work(ctx: JobRun):
        ctx.stage("count", total=3)
        for _ in range(3):
            ctx.advance(1)
            ctx.checkpoint()
        ctx.remember(position=3)
        return replace(ctx.result, answer=42)

    handle(work)
    done = run_job_inline(job)
    assert (done.state, done.stage, done.total, done.done) == ("succeeded", "count", 3, 3)
    assert done.result == {"position": 3, "answer": 42}
    assert done.lease_token is None
    assert done.finished_at is not None
    assert done.is_finished


@pytest.mark.parametrize(
    "error",
    [
        AppError.quoting("thing.broken", "It is broken."),
        PictureError.quoting("thing.broken", "It is broken."),
    ],
)
def test_an_expected_failure_is_kept_with_its_id_and_sentence(handle, job, error):
    def work(ctx):
        raise error

    handle(work)
    failed = run_job_inline(job)
    assert (failed.state, failed.error_id, failed.error) == ("failed", "thing.broken", "It is broken.")


def test_an_unknown_exception_fails_the_job_as_crashed_and_is_logged(handle, job, caplog):
    def work(ctx):
        raise ZeroDivisionError("secret inside")

    handle(work)
    failed = run_job_inline(job)
    assert (failed.state, failed.error_id) == ("failed", "job.crashed")
    assert "secret inside" not in failed.error
    assert "ZeroDivisionError" in caplog.text


def test_a_lost_database_queues_the_job_again_until_the_attempts_are_used_up(handle, job, monkeypatch):
    monkeypatch.setattr("workers.jobs.runner.connection.close", lambda: None)

    def work(ctx):
        raise OperationalError("terminating connection")

    handle(work)
    for _ in range(services.ATTEMPTS_MAX - 1):
        assert run_job_inline(job).state == JobState.QUEUED
    given_up = run_job_inline(job)
    assert (given_up.state, given_up.error_id) == ("failed", "job.database_failed")
    assert given_up.error.endswith("The worker's log says how.")


@pytest.mark.parametrize(
    ("error", "error_id"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "job.disk_full"),
        (RedisConnectionError("refused"), "job.broker_failed"),
    ],
)
def test_a_full_disk_and_a_redis_that_is_away_put_the_job_off_a_while(
    handle, job, error, error_id, monkeypatch
):
    monkeypatch.setattr("workers.jobs.runner.connection.close", lambda: None)

    def work(ctx):
        raise error

    handle(work)
    for _ in range(services.ATTEMPTS_MAX - 1):
        put_off = run_job_inline(job)
        assert put_off.state == JobState.QUEUED
        assert put_off.enqueued_at is not None, "the sweeper would send it at once"
    given_up = run_job_inline(job)
    assert (given_up.state, given_up.error_id) == ("failed", error_id)


def test_a_second_message_for_the_same_job_finds_nothing_to_claim(job):
    assert services.job_claim(job.pk) is not None
    assert services.job_claim(job.pk) is None
    assert run_job(job.pk) is None


def test_a_run_that_lost_its_lease_stops_at_its_next_write_and_changes_nothing(handle, job):
    def work(ctx: JobContext):
        Job.objects.filter(pk=job.pk).update(state=JobState.QUEUED, lease_token=None, done=7)
        ctx.advance(1)

    handle(work)
    row = run_job_inline(job)
    assert (row.state, row.done) == ("queued", 7)


def test_a_run_whose_heartbeat_found_the_lease_lost_stops_at_the_next_checkpoint(job):
    claimed = services.job_claim(job.pk)
    lost = threading.Event()
    ctx = JobContext(claimed, lost)
    ctx.checkpoint()
    lost.set()
    with pytest.raises(LeaseLost):
        ctx.checkpoint()


@pytest.mark.parametrize(
    ("ask", "state"), [(services.job_request_cancel, "cancelled"), (services.job_request_pause, "paused")]
)
def test_cancel_and_pause_take_effect_at_the_next_checkpoint_of_a_running_job(handle, job, ask, state):
    seen = []

    def work(ctx: JobContext):
        ctx.stage("loop", total=10)
        for number in range(10):
            seen.append(number)
            ctx.advance(1)
            if number == 2:
                assert ask(job).state == "running"
            ctx.checkpoint()

    handle(work)
    row = run_job_inline(job)
    assert (row.state, row.done, row.request, seen) == (state, 3, "", [0, 1, 2])


def test_a_paused_job_resumes_with_what_it_remembered(handle, job):
    def work(ctx: JobRun):
        position = ctx.result.position or 0
        ctx.remember(position=position + 1)
        if position == 0:
            services.job_request_pause(job)
        ctx.checkpoint()

    handle(work)
    paused = run_job_inline(job)
    assert (paused.state, paused.finished_at) == ("paused", None)
    services.job_resume(paused)
    assert run_job_inline(job).result == {"position": 2}


def test_a_queued_job_is_paused_resumed_and_cancelled_at_once(job):
    assert services.job_request_pause(job).state == "paused"
    assert services.job_resume(job).state == "queued"
    assert services.job_request_cancel(job).state == "cancelled"


@pytest.mark.parametrize("action", ["job_request_cancel", "job_request_pause", "job_resume", "job_retry"])
def test_a_succeeded_job_refuses_every_other_move(handle, job, action):
    handle(lambda ctx: None)
    done = run_job_inline(job)
    with pytest.raises(AppError) as refused:
        getattr(services, action)(done)
    assert refused.value.id == "job.wrong_state"


def test_a_failed_job_is_retried_with_fresh_attempts(handle, job):
    def work(ctx):
        raise AppError.quoting("thing.broken", "It is broken.")

    handle(work)
    failed = run_job_inline(job)
    again = services.job_retry(failed)
    assert (again.state, again.attempts, again.error_id, again.error) == ("queued", 0, "", "")


def test_failed_items_are_kept_once_each_and_a_retry_asks_for_them_alone(handle, job):
    asked = []

    def work(ctx: JobContext):
        asked.append(ctx.only_failed)
        if ctx.only_failed:
            ctx.job.items.all().delete()
        else:
            ctx.item_failed("line 3", "import.line_not_json", "Line 3 is not JSON.", {"line": 3})
            ctx.item_failed("line 3", "import.line_not_json", "Line 3 is still not JSON.", {"line": 3})

    handle(work)
    done = run_job_inline(job)
    assert [item.reason for item in done.items.all()] == ["Line 3 is still not JSON."]
    services.job_retry_failed(done)
    done = run_job_inline(job)
    assert asked == [False, True]
    assert done.params == {"n": 3}
    with pytest.raises(AppError) as refused:
        services.job_retry_failed(done)
    assert refused.value.id == "job.nothing_failed"


def test_a_deferred_job_queues_again_without_using_up_an_attempt_or_sending_a_message(handle, job):
    def work(ctx):
        raise JobDeferred

    handle(work)
    row = run_job_inline(job)
    assert (row.state, row.attempts) == ("queued", 0)
    assert row.enqueued_at is not None


def test_a_worker_that_shuts_down_hands_its_job_back_for_the_next_one(handle, job, monkeypatch):
    stopping = threading.Event()
    monkeypatch.setattr(context, "stopping", stopping)

    def work(ctx: JobContext):
        ctx.advance(5)
        stopping.set()
        ctx.checkpoint()

    handle(work)
    row = run_job_inline(job)
    assert (row.state, row.attempts, row.enqueued_at, row.done) == ("queued", 0, None, 5)


def test_asking_for_the_same_unique_job_twice_gives_the_same_row():
    first, made = services.job_create_once(PROBE, ProbeParameters(version=1))
    second, made_again = services.job_create_once(PROBE, ProbeParameters(version=1))
    other, _ = services.job_create_once(PROBE, ProbeParameters(version=2))
    assert (made, made_again) == (True, False)
    assert first.pk == second.pk
    assert other.pk != first.pk


def test_progress_gives_a_rate_and_the_time_left(job):
    job.done, job.total, job.failed = 100, 401, 1
    job.stage_started_at = timezone.now() - timedelta(seconds=10)
    assert job.rate == pytest.approx(10, rel=0.1)
    assert job.seconds_left == pytest.approx(30, rel=0.1)


def test_a_total_grows_when_more_comes_in_than_was_there_when_the_stage_began(handle, job):
    def work(ctx: JobContext):
        ctx.stage("encode", total=4)
        ctx.advance(8, failed=2)

    handle(work)
    done = run_job_inline(job)
    assert (done.done, done.failed, done.total) == (8, 2, 10)


def test_a_total_that_is_not_known_stays_unknown(handle, job):
    def work(ctx: JobContext):
        ctx.stage("read")
        ctx.advance(8)

    handle(work)
    done = run_job_inline(job)
    assert (done.done, done.total) == (8, None)


def test_two_handlers_for_one_type_are_refused(handle):
    handle(lambda ctx: None)
    with pytest.raises(ValueError, match="two handlers"):
        job_handler(PROBE)(lambda ctx: None)


def test_the_owner_is_kept(django_user_model):
    owner = get_user_model().objects.create_user("ann")
    assert services.job_create(PROBE, ProbeParameters(), owner=owner).owner == owner


def test_a_stage_that_an_earlier_run_began_keeps_its_start(job):
    began = timezone.now() - timedelta(minutes=1)
    Job.objects.filter(pk=job.pk).update(stage="store", stage_started_at=began)
    ctx = JobContext(services.job_claim(job.pk))
    ctx.stage("store", 100, done=40)
    job.refresh_from_db()
    assert (job.stage_started_at, job.done) == (began, 40)
    ctx.stage("encode", 10)
    job.refresh_from_db()
    assert job.stage_started_at > began

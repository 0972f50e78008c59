"""Seeing a job through: here where no worker is up, by watching where one is."""

from __future__ import annotations

import threading

import pytest
from django.core.cache import cache
from django.core.management import CommandError
from django.db import OperationalError, connection

from retrieval_site.errors import AppError
from tests.support.probe_jobs import PROBE, ProbeParameters
from workers.jobs import following, registry, services, sweeper
from workers.jobs.command import JobCommand
from workers.jobs.errors import JobDeferred
from workers.jobs.following import job_complete
from workers.jobs.runner import run_job

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("clean_redis")]


@pytest.fixture
def handle(monkeypatch):
    monkeypatch.setattr(registry, "_HANDLERS", dict(registry._HANDLERS))
    monkeypatch.setattr(following, "LOOK_EVERY_SECONDS", 0.01)

    def register(handler):
        registry._HANDLERS[PROBE.name] = registry.JobHandler(PROBE, handler)

    return register


@pytest.fixture
def job():
    return services.job_create(PROBE, ProbeParameters())


def test_without_a_worker_the_job_runs_here(handle, job):
    here = []
    handle(lambda ctx: here.append(threading.current_thread()))
    assert job_complete(job, print).state == "succeeded"
    assert here == [threading.current_thread()]


def test_a_job_that_waits_for_another_is_tried_again(handle, job):
    calls = []

    def work(ctx):
        calls.append(1)
        if len(calls) < 3:
            raise JobDeferred

    handle(work)
    assert job_complete(job, lambda line: None).state == "succeeded"
    assert len(calls) == 3


def test_with_a_worker_the_job_is_watched_and_its_progress_told(handle, job, monkeypatch):
    monkeypatch.setattr(following, "SAY_EVERY_SECONDS", 0.0)
    cache.set(sweeper.ALIVE_KEY, 1, 60)
    go_on = threading.Event()
    told = []

    def work(ctx):
        ctx.stage("encode", total=10)
        ctx.advance(4)
        ctx.flush()
        go_on.wait(10)

    def worker() -> None:
        run_job(job.pk)
        connection.close()

    def say(line: str) -> None:
        told.append(line)
        if "4 of 10" in line:
            go_on.set()

    handle(work)
    thread = threading.Thread(target=worker)
    thread.start()
    assert job_complete(job, say).state == "succeeded"
    thread.join()
    assert any(line.startswith("probe: encode, 4 of 10") for line in told)


def test_a_paused_job_ends_the_watching(job):
    services.job_request_pause(job)
    assert job_complete(job, print).state == "paused"


def test_watching_survives_a_database_that_is_being_restarted(handle, job, monkeypatch):
    failures = iter([OperationalError("the database system is shutting down")])
    original = following.bulk_worker_alive

    def flaky():
        for failure in failures:
            raise failure
        return original()

    monkeypatch.setattr(following, "bulk_worker_alive", flaky)
    handle(lambda ctx: None)
    assert job_complete(job, lambda line: None).state == "succeeded"


def test_a_command_shows_failed_items_and_says_why_a_job_failed(handle, job, capsys):
    def work(ctx):
        for number in range(25):
            ctx.item_failed(f"line {number}", "import.line_not_json", "It is not JSON.")
        raise AppError.quoting("thing.broken", "It is broken.")

    handle(work)
    with pytest.raises(CommandError, match=r"It is broken\. \[thing\.broken\]"):
        JobCommand().complete(job)
    shown = capsys.readouterr().err
    assert "line 19: It is not JSON. [import.line_not_json]" in shown
    assert "line 20:" not in shown
    assert "… and 5 more" in shown


def test_an_expected_failure_of_a_command_is_a_sentence():
    class Failing(JobCommand):
        def handle(self, *args, **options):
            raise AppError.quoting("thing.broken", "It is broken.")

    with pytest.raises(CommandError, match=r"It is broken\. \[thing\.broken\]"):
        Failing().execute(no_color=True, force_color=False, skip_checks=True, stdout=None, stderr=None)

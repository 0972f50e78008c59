"""The Celery edge: which workers sweep, and what a shutdown tells the jobs."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from workers.jobs import services, task
from workers.jobs.context import stopping
from workers.jobs.types import JobParameters, JobResult, JobType
from workers.models import Job


def worker(*queues: str) -> SimpleNamespace:
    return SimpleNamespace(
        app=SimpleNamespace(amqp=SimpleNamespace(queues=SimpleNamespace(consume_from=queues)))
    )


@pytest.fixture
def sweepers(monkeypatch):
    class Quiet:
        def __init__(self):
            self.started = False
            self.end = SimpleNamespace(set=lambda: setattr(self, "started", False))

        def start(self):
            self.started = True

    monkeypatch.setattr(task, "Sweeper", Quiet)
    monkeypatch.setattr(task.PROCESSES, "warm", lambda: None)
    yield task._sweepers
    task._sweepers.clear()
    stopping.clear()


def test_bulk_workers_sweep_and_query_workers_do_not(sweepers):
    task.start_sweeper(sender=worker("query"))
    assert sweepers == []
    task.start_sweeper(sender=worker("bulk", "query"))
    (sweeper,) = sweepers
    assert sweeper.started
    task.stop_sweeper()
    assert (sweepers, sweeper.started) == ([], False)


def test_a_shutdown_asks_running_jobs_to_leave_and_a_start_takes_that_back(sweepers):
    task.ask_jobs_to_leave()
    assert stopping.is_set()
    task.start_sweeper(sender=worker("bulk"))
    assert not stopping.is_set()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("job_processes")
def test_the_task_runs_a_queued_job_and_ignores_a_finished_one():
    job = services.job_create(JobType("unheard-of", JobParameters, JobResult), JobParameters())
    task.run_job_task(str(job.pk))
    row = Job.objects.get(pk=job.pk)
    assert (row.state, row.error_id) == ("failed", "job.crashed")
    task.run_job_task(str(job.pk))
    assert Job.objects.get(pk=job.pk).attempts == 1

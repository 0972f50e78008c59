"""The Celery edge of jobs: the task that runs one, and the sweeper's life inside bulk workers."""

from __future__ import annotations

from typing import Any

from celery import current_task, shared_task
from celery.signals import task_postrun, task_prerun, worker_ready, worker_shutdown, worker_shutting_down
from django.db import close_old_connections

from retrieval_site.tracing import NO_REQUEST, REQUEST_ID, request_of, span
from workers.jobs.apart import PROCESSES, run_job_apart
from workers.jobs.context import stopping
from workers.jobs.enqueue import QUEUE, TASK, TRACE
from workers.jobs.sweeper import Sweeper

_sweepers: list[Sweeper] = []


@shared_task(name=TASK)
def run_job_task(job_id: str) -> None:
    """Run the job if it still waits; a doubled message finds it claimed and does nothing."""
    close_old_connections()
    with span("take a job", _trace_of_message(), job=str(job_id)):
        run_job_apart(job_id)


def _trace_of_message() -> dict[str, str]:
    """Return what the message carries, {} where it carries nothing or this is no worker."""
    request = current_task.request if current_task else None
    return (getattr(request, "headers", None) or {}).get(TRACE) or getattr(request, TRACE, None) or {}


@task_prerun.connect
def note_request(**_kwargs: Any) -> None:
    """Let Celery's own line of how a task ended, too, name the request that asked for it."""
    REQUEST_ID.set(request_of(_trace_of_message()))


@task_postrun.connect
def forget_request(**_kwargs: Any) -> None:
    """The thread's next lines belong to no request."""
    REQUEST_ID.set(NO_REQUEST)


@worker_ready.connect
def start_sweeper(sender: Any = None, **_kwargs: Any) -> None:
    """Start the sweeper in workers that serve the bulk queue."""
    stopping.clear()
    if QUEUE in sender.app.amqp.queues.consume_from:
        _sweepers.append(Sweeper())
        _sweepers[-1].start()
        PROCESSES.warm()


@worker_shutting_down.connect
def ask_jobs_to_leave(**_kwargs: Any) -> None:
    """Let running jobs stop at their next checkpoint and queue again, so that a restart is quick."""
    stopping.set()


@worker_shutdown.connect
def stop_sweeper(**_kwargs: Any) -> None:
    """End the sweeper and the waiting processes with their worker."""
    PROCESSES.close()
    while _sweepers:
        _sweepers.pop().end.set()

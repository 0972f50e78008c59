"""Running one job: claim, lease, handler, and the row's next state for every way in which that can end."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from django.db import InterfaceError, OperationalError, connection
from redis.exceptions import RedisError

from retrieval_site.acting import acting_for_job
from retrieval_site.errors import AppError
from retrieval_site.outages import disk_is_full
from retrieval_site.typed_json import to_json
from workers.error_table import sentence
from workers.inference.errors import InferenceError
from workers.jobs.context import JobRun
from workers.jobs.errors import JobCancelled, JobDeferred, JobPaused, JobStopped, LeaseLost
from workers.jobs.lease import LeaseRenewal
from workers.jobs.registry import handler_for
from workers.jobs.rights import require_owner_permitted
from workers.jobs.services import (
    ATTEMPTS_MAX,
    job_claim,
    job_fail,
    job_finish,
    job_release,
    job_stop,
)
from workers.models import Job, JobState
from workers.out_of_memory import is_out_of_memory

if TYPE_CHECKING:
    import threading
    import uuid
    from collections.abc import Callable

DATABASE_BACK_SECONDS = 10.0
DATABASE_TRY_SECONDS = 0.5
DATABASE_ERRORS = (OperationalError, InterfaceError)

log = logging.getLogger(__name__)


def run_job(job_id: uuid.UUID | str) -> Job | None:
    """Run a queued job to its next state and return its row; None when there was nothing to claim."""
    job = job_claim(job_id)
    if job is None:
        return None
    with LeaseRenewal(job) as lease:
        return run_claimed(job, lease.lost)


def run_claimed(job: Job, lost: threading.Event | None = None) -> Job:
    """Run a job that somebody claimed, and whose lease somebody renews, to its next state; return its row."""
    log.info("%s %s: run %d", job.type, job.pk, job.attempts)
    try:
        _work(job, lost)
    except JobStopped as stop:
        _stopped(job, stop)
    except (AppError, InferenceError) as error:
        job_fail(job, error_id=error.id, error=error.message)
    except DATABASE_ERRORS as error:
        _database_lost(job, error)
    except Exception as error:
        if is_out_of_memory(error):
            log.exception("%s %s ran out of memory", job.type, job.pk)
            job_fail(job, error_id="job.memory", error=sentence("job.memory"))
        elif not _passes(job, error):
            log.exception("%s %s crashed", job.type, job.pk)
            job_fail(job, error_id="job.crashed", error=sentence("job.crashed"))
    job.refresh_from_db()
    return job


def run_job_inline(job: Job) -> Job:
    """Run a job in this process, as a worker would; return its fresh row, also when a worker was faster."""
    run_job(job.pk)
    return Job.objects.get(pk=job.pk)


def _work(job: Job, lost: threading.Event | None) -> None:
    require_owner_permitted(job)
    handler = handler_for(job.type)
    run = JobRun(handler.job_type, job, lost)
    with acting_for_job(job.owner):
        result = handler.function(run) or run.result
    run.flush()
    job_finish(job, result=to_json(result))


def _stopped(job: Job, stop: JobStopped) -> None:
    log.info("%s %s: %s", job.type, job.pk, type(stop).__name__)
    if isinstance(stop, LeaseLost):
        return
    if isinstance(stop, JobCancelled | JobPaused):
        job_stop(job, state=JobState.CANCELLED if isinstance(stop, JobCancelled) else JobState.PAUSED)
    else:
        job_release(job, counts=False, send_now=not isinstance(stop, JobDeferred))


def _passes(job: Job, error: Exception) -> bool:
    """Put the job off where the disk is full or Redis is away; return whether that was it."""
    if disk_is_full(error):
        _put_off(job, error, "job.disk_full", send_now=False)
    elif isinstance(error, RedisError):
        _put_off(job, error, "job.broker_failed", send_now=False)
    else:
        return False
    return True


def _database_lost(job: Job, error: Exception) -> None:
    """The database went away or could not do it."""
    if disk_is_full(error):
        _put_off(job, error, "job.disk_full", send_now=False)
    else:
        _put_off(job, error, "job.database_failed", send_now=True)


def _put_off(job: Job, error: Exception, error_id: str, *, send_now: bool) -> None:
    """Let another run go on, a bounded number of times: at once, or when the sweeper finds the job overdue."""
    log.warning("%s %s, run %d: %s: %s", job.type, job.pk, job.attempts, error_id, error)
    if job.attempts < ATTEMPTS_MAX:
        once_database_is_back(lambda: job_release(job, counts=True, send_now=send_now))
        return
    message = sentence(error_id, {"attempts": ATTEMPTS_MAX})
    once_database_is_back(lambda: job_fail(job, error_id=error_id, error=message))


def once_database_is_back(write: Callable[[], bool]) -> None:
    """Retry `write` for a while; if the database stays away, the lease runs out and the sweeper takes over."""
    until = time.monotonic() + DATABASE_BACK_SECONDS
    while True:
        connection.close()
        try:
            write()
        except DATABASE_ERRORS:
            if time.monotonic() > until:
                raise
            time.sleep(DATABASE_TRY_SECONDS)
        else:
            return

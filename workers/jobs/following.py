"""Seeing a job through from a command: watch it where workers are up, run it here where none is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from retrieval_site.memory import LIBRARIES_BYTES, limit_data
from workers.jobs.runner import run_job
from workers.jobs.sweeper import bulk_worker_alive
from workers.models import Job, JobState

if TYPE_CHECKING:
    from collections.abc import Callable

LOOK_EVERY_SECONDS = 0.5
SAY_EVERY_SECONDS = 5.0


def job_complete(job: Job, say: Callable[[str], object]) -> Job:
    """Return the job's row once it is finished or paused; `say` is told its progress in sentences."""
    said_at = 0.0
    while True:
        try:
            job = Job.objects.get(pk=job.pk)
            if job.is_finished or job.state == JobState.PAUSED:
                return job
            if job.state == JobState.QUEUED and not bulk_worker_alive() and _run_here(job):
                continue
        except (OperationalError, InterfaceError):
            connection.close()  # the database is being restarted; the job survives that, and so does watching it
        if time.monotonic() - said_at > SAY_EVERY_SECONDS:
            say(_progress(job))
            said_at = time.monotonic()
        time.sleep(LOOK_EVERY_SECONDS)


def _run_here(job: Job) -> bool:
    """Run the job here, within a job's memory; return whether that ended it (it may have to wait for another one)."""
    limit_data(settings.CONFIG.job_memory_bytes + LIBRARIES_BYTES)
    ran = run_job(job.pk)
    return ran is not None and ran.is_finished


def _progress(job: Job) -> str:
    words = f"{job.type}: {job.stage or job.state}"
    if job.total:
        words += f", {job.done:,} of {job.total:,}"
    if job.seconds_left:
        words += f", about {job.seconds_left:.0f} s left"
    return words

"""The process that runs jobs, one after the other: whatever one of them does to it, no other job suffers."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import close_old_connections, connection

from retrieval_site.database import named_by_request
from retrieval_site.memory import LIBRARIES_BYTES, die_first, limit_data
from retrieval_site.own_folder import temporary_root, use_own_folder
from retrieval_site.supervisor.processes import tied_to_parent
from retrieval_site.tracing import flush, span
from workers.jobs.context import stopping
from workers.jobs.runner import run_claimed
from workers.models import Job, JobState

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


def serve(orders: Connection[Any, Any]) -> None:
    """Run the jobs that come as (id, lease token, trace), and say after each that it has reached its next state."""
    _prepare()
    while not stopping.is_set():
        try:
            job_id, token, trace = orders.recv()
        except EOFError:
            return
        close_old_connections()
        job = Job.objects.filter(pk=job_id, state=JobState.RUNNING, lease_token=token).first()
        if job is not None:
            with span(f"job {job.type}", trace, job=str(job.pk), attempt=job.attempts) as current:
                _name_connection()
                done = run_claimed(job)
                if current is not None:
                    current.set_attribute("state", str(done.state))
            flush()
        orders.send("done")
    connection.close()


def _name_connection() -> None:
    """Have the database's log name the request that asked for the job, or none where the job before had one."""
    with connection.cursor() as cursor:
        cursor.execute(named_by_request("SESSION"))


def _prepare() -> None:
    """Die with the worker, stay within the job's memory, and let the next process remove what this one leaves."""
    tied_to_parent(signal.SIGKILL, parent=os.getppid())()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_first()
    limit_data(settings.CONFIG.job_memory_bytes + LIBRARIES_BYTES)
    with suppress(OSError):  # a full disk: the system's folder will do
        use_own_folder(temporary_root(), passable=True)

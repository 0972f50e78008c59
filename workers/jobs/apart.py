"""Running a job in a process of its own, watched from here: its memory, its lease, and how it ends.

A server process (`multiprocessing`'s forkserver) has imported what jobs need and forks theirs within milliseconds. A
process that did its job and stayed small takes the next one, so that an encoder which is loaded serves many small jobs.
"""

from __future__ import annotations

import atexit
import multiprocessing
import signal
import threading
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

import psutil
from django.conf import settings
from django.db import close_old_connections

from retrieval_site.config import MIB
from retrieval_site.memory import resident_bytes
from retrieval_site.tracing import carried
from workers.error_table import sentence
from workers.jobs.context import stopping
from workers.jobs.lease import LeaseRenewal
from workers.jobs.runner import once_database_is_back
from workers.jobs.services import job_claim, job_fail, job_release

if TYPE_CHECKING:
    import uuid

    from workers.models import Job

LOOK_SECONDS = 0.05
CRASHES_MAX = 2
"""Runs of one job whose process ended: once may be an accident of the machine, twice is the job."""

KEPT_IDLE = 1
KEPT_SHARE = 4
"""A process that holds more than this part of a job's memory is not given another job."""

PRELOAD = ["workers.jobs.preload"]

_context = multiprocessing.get_context("forkserver")
_lock = threading.Lock()
"""multiprocessing looks after all processes whenever one is started, and two threads must not read one exit code."""


@dataclass(frozen=True)
class End:
    """How a run ended: well (the row says how), for its memory, by losing its lease, or with an exit code."""

    over_memory: bool = False
    exit_code: int | None = None


class JobProcess:
    """One process for jobs, seen from the worker."""

    def __init__(self) -> None:
        from workers.jobs.job_process import serve

        self._orders, theirs = _context.Pipe()
        with _lock:
            _context.set_forkserver_preload(PRELOAD)
            self._process = _context.Process(target=serve, args=(theirs,), name="job")
            self._process.start()
        theirs.close()

    def run(self, job: Job, lost: threading.Event) -> End:
        """Run a claimed job to its end; `lost` says that another run may hold it by now."""
        try:
            self._orders.send((str(job.pk), str(job.lease_token), carried()))
            return self._watch(lost)
        except (EOFError, OSError):
            return self._ended()

    def _watch(self, lost: threading.Event) -> End:
        asked_to_stop = False
        while not self._orders.poll(0):
            wait([self._orders, self._process.sentinel], LOOK_SECONDS)
            if self._is_over_memory():
                self.kill()
                return End(over_memory=True)
            if lost.is_set():
                self.kill()
                return End()
            if stopping.is_set() and not asked_to_stop:
                self._process.terminate()
                asked_to_stop = True
        self._orders.recv()
        return End()

    def _is_over_memory(self) -> bool:
        return self._resident() > settings.CONFIG.job_memory_bytes

    def _resident(self) -> int:
        return resident_bytes(self._process.pid or 0)

    def _ended(self) -> End:
        self._process.join()
        with _lock:
            return End(exit_code=self._process.exitcode)

    @property
    def is_small(self) -> bool:
        """Whether it may take another job."""
        return self._resident() * KEPT_SHARE < settings.CONFIG.job_memory_bytes

    def kill(self) -> None:
        """End it at once, and what it started."""
        for process in _family(self._process.pid):
            process.kill()
        self._orders.close()

    def close(self) -> None:
        """Let it end by itself, after the job that it does."""
        self._orders.close()


def _family(pid: int | None) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [*process.children(recursive=True), process]
    except psutil.NoSuchProcess:
        return []


class JobProcesses:
    """The processes that wait for a job."""

    def __init__(self) -> None:
        self._idle: list[JobProcess] = []
        self._changing = threading.Lock()

    def warm(self) -> None:
        """Have a process ready before the first job comes."""
        self._put_back(JobProcess())

    def run(self, job: Job, lost: threading.Event) -> End:
        """Run a claimed job in one of them."""
        with self._changing:
            process = self._idle.pop() if self._idle else None
        process = process or JobProcess()
        end = process.run(job, lost)
        if end == End() and not lost.is_set():
            self._put_back(process)
        return end

    def _put_back(self, process: JobProcess) -> None:
        with self._changing:
            keep = len(self._idle) < KEPT_IDLE and not stopping.is_set() and process.is_small
            if keep:
                self._idle.append(process)
        if not keep:
            process.close()

    def close(self) -> None:
        """Let all that wait end."""
        with self._changing:
            while self._idle:
                self._idle.pop().close()


PROCESSES = JobProcesses()
atexit.register(PROCESSES.close)


def run_job_apart(job_id: uuid.UUID | str) -> None:
    """Run a queued job in a process of its own to its next state; nothing where there is nothing to claim."""
    job = job_claim(job_id)
    if job is None:
        return
    with LeaseRenewal(job) as lease:
        end = PROCESSES.run(job, lease.lost)
    close_old_connections()
    if end != End():
        once_database_is_back(lambda: _settle(job, end))


def _settle(job: Job, end: End) -> bool:
    """Move the row of a job whose process ended under it."""
    if end.over_memory:
        megabytes = settings.CONFIG.job_memory_bytes // MIB
        message = sentence("job.memory/limit", {"megabytes": megabytes})
        return job_fail(job, error_id="job.memory", error=message)
    if job.attempts < CRASHES_MAX:
        return job_release(job, counts=True)
    facts = {"reason": _reason(end.exit_code), "attempts": job.attempts}
    return job_fail(job, error_id="job.lost", error=sentence("job.lost", facts))


def _reason(exit_code: int | None) -> str:
    """Name a signal; -9 is what the kernel sends where the machine's memory runs out."""
    if exit_code is None or exit_code >= 0:
        return f"itself with exit code {exit_code}"
    return f"signal {signal.Signals(-exit_code).name}"

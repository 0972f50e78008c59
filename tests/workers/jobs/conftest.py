"""Processes of jobs for tests that run jobs as a worker does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from django.conf import settings

from tests.support.workers import worker_environment
from workers.jobs import apart
from workers.jobs.apart import JobProcesses
from workers.jobs.context import stopping

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT_BYTES = 400 * 1024 * 1024


@pytest.fixture
def job_processes(monkeypatch) -> Iterator[JobProcesses]:
    """Processes that know the test database and the hostile jobs, under a small limit."""
    monkeypatch.setenv("DATABASE_URL", worker_environment()["DATABASE_URL"])
    monkeypatch.setenv("JOB_MEMORY_BYTES", str(LIMIT_BYTES))
    monkeypatch.setattr(apart, "PRELOAD", [*apart.PRELOAD, "tests.support.hostile_jobs"])
    monkeypatch.setattr(settings, "CONFIG", replace(settings.CONFIG, job_memory_bytes=LIMIT_BYTES))
    processes = JobProcesses()
    monkeypatch.setattr(apart, "PROCESSES", processes)
    yield processes
    processes.close()
    stopping.clear()

"""Real worker processes for tests; `query_worker` is a fixture everywhere.

A worker reads the test database, so its tests commit (`django_db(transaction=True)`).
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection

from workers.encoding.client import workers_alive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT_SECONDS = 30.0
with socket.create_server(("127.0.0.1", 0)) as _free:
    PICTURE_PORT = _free.getsockname()[1]
    """Where workers of tests may fetch pictures on this machine."""


def worker_environment() -> dict[str, str]:
    """This process's environment with the test database instead of the developer's."""
    url = urlsplit(settings.CONFIG.database_url)._replace(path=f"/{connection.settings_dict['NAME']}")
    fetching = {"PICTURE_URL_NETWORKS": "127.0.0.0/8", "PICTURE_URL_PORTS": f"80,443,{PICTURE_PORT}"}
    return {**os.environ, **fetching, "DATABASE_URL": url.geturl(), "READ_TEXT": "1"}


def start_query_worker(log: Path, *, app: str = "tests.support.paced_celery") -> subprocess.Popen[bytes]:
    """Start a query worker with the supervisor's words."""
    words = ["-Q", "query", "-c", "16", "--pool", "threads", "-n", f"query-{time.time()}@test"]
    words += ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "INFO"]
    with log.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", app, "worker", *words],
            cwd=ROOT,
            env=worker_environment(),
            stdout=file,
            stderr=subprocess.STDOUT,
        )


def wait_until(
    condition: Callable[[], object], *, seconds: float = START_TIMEOUT_SECONDS, what: str = "it"
) -> None:
    """Wait for a condition; fail the test with what was waited for."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds} s for {what}")
        time.sleep(0.05)


def is_alive(process: subprocess.Popen[bytes]) -> bool:
    """Whether the worker's own heartbeat stands."""
    return any(name.endswith(f"-{process.pid}") for name in workers_alive())


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a worker as the supervisor does, and insist after a while."""
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(15)


@pytest.fixture(scope="session")
def _query_worker_process(
    django_db_setup: None, django_db_blocker, services_folder: Path
) -> Iterator[subprocess.Popen[bytes]]:
    with django_db_blocker.unblock():
        process = start_query_worker(services_folder / "query-worker.log")
    yield process
    stop(process)


@pytest.fixture
def query_worker(
    _query_worker_process: subprocess.Popen[bytes], services_folder: Path
) -> subprocess.Popen[bytes]:
    """A running query worker, one process for the whole test run."""
    process = _query_worker_process
    wait_until(lambda: process.poll() is not None or is_alive(process), what="the query worker's heartbeat")
    if process.poll() is not None:
        pytest.fail((services_folder / "query-worker.log").read_text())
    return _query_worker_process

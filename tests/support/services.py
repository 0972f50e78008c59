"""Pytest plugin: one embedded PostgreSQL and Redis for the whole test run, unless the environment names servers.

Loaded with `-p tests.support.services` (pyproject.toml), because Django's settings read the environment before any
conftest is imported. The servers die with this process, however it ends.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import psutil
import pytest

from retrieval_site.supervisor.paths import DataPaths
from retrieval_site.supervisor.postgres import THROWAWAY_SETTINGS, EmbeddedPostgres
from retrieval_site.supervisor.processes import start
from retrieval_site.supervisor.redis_server import EmbeddedRedis

PREFIX = "sl-test-"
FEEDS_A_REPLICA = {"wal_level": "replica", "max_wal_senders": "4"}
_servers: list[subprocess.Popen[bytes]] = []


def _sweep_leftovers() -> None:
    """Remove the folders of test runs that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        pid = folder.name.removeprefix(PREFIX).split("-")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def _start_postgres(paths: DataPaths) -> None:
    postgres = EmbeddedPostgres(paths, THROWAWAY_SETTINGS | FEEDS_A_REPLICA)
    postgres.prepare()
    with (paths.log / "postgres.log").open("wb") as log:
        _servers.append(start(postgres.command(), log))
    postgres.wait_ready(_servers[-1])
    postgres.ensure_database()


def _start_redis(paths: DataPaths) -> None:
    redis = EmbeddedRedis(paths)
    paths.run.mkdir(exist_ok=True)
    with (paths.log / "redis.log").open("wb") as log:
        _servers.append(start(redis.command(), log))
    redis.wait_ready(_servers[-1])


def _start_services() -> Path:
    _sweep_leftovers()
    root = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    root.chmod(0o755)  # PostgreSQL's own user passes through it when the tests run as root
    paths = DataPaths(root)
    paths.log.mkdir()
    if "DATABASE_URL" not in os.environ:
        _start_postgres(paths)
        os.environ["DATABASE_URL"] = paths.database_url
    if "REDIS_URL" not in os.environ:
        _start_redis(paths)
        os.environ["REDIS_URL"] = paths.redis_url
    (root / "data" / "static").mkdir(parents=True)
    (root / "tmp").mkdir()
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(
        root / "tmp"
    )  # shared, a second run would close it to guarded children
    os.environ["DATA_DIR"] = str(root / "data")  # never the developer's own blobs
    os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "x" * 50)
    os.environ["DEBUG"] = "0"
    os.environ.setdefault("THROTTLE", "off")  # its own tests turn it on
    os.environ.setdefault("READ_TEXT", "0")  # tests of it ask for it: a reader takes 460 MB
    return root


_root = _start_services()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    for server in reversed(_servers):
        server.send_signal(2 if "postgres" in str(server.args) else 15)
    for server in _servers:
        server.wait(30)
    shutil.rmtree(_root, ignore_errors=True)


@pytest.fixture(scope="session")
def services_folder() -> Path:
    """The folder of this run's servers and their logs."""
    return _root

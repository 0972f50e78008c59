"""The embedded PostgreSQL for as long as a restore or a drill takes, where no supervisor runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from retrieval_site.supervisor.attach import data_paths
from retrieval_site.supervisor.lock import hold_lock
from retrieval_site.supervisor.postgres import EmbeddedPostgres
from retrieval_site.supervisor.processes import start

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from retrieval_site.supervisor.paths import DataPaths

STOP_SECONDS = 60.0


@contextmanager
def embedded_running(
    paths: DataPaths, overrides: Mapping[str, str] | None = None, doing: str = "a backup is being restored"
) -> Iterator[str]:
    """Give the address of the embedded server of a data folder, made there if there is none; it stops at the end.

    `doing` is what whoever starts the site meanwhile is told.
    Raises `SupervisorError` where a supervisor holds the folder.
    """
    paths.root.mkdir(parents=True, exist_ok=True)
    paths.log.mkdir(exist_ok=True)
    with hold_lock(paths.lock, doing=doing):
        postgres = EmbeddedPostgres(paths, {**(overrides or {})})
        postgres.prepare()
        with (paths.log / "postgres.log").open("ab") as log:
            server = start(postgres.command(), log)
        try:
            postgres.wait_ready(server, _tell)
            postgres.ensure_database()
            yield paths.database_url
        finally:
            _stop(server)


def database_running() -> AbstractContextManager[object]:
    """Return what runs the embedded server for a while, where that is the one in use and the site is stopped."""
    paths = data_paths()
    is_ours = os.environ["DATABASE_URL"] == paths.database_url and (paths.postgres / "PG_VERSION").exists()
    stopped = is_ours and not EmbeddedPostgres(paths).answers()
    return embedded_running(paths, doing="a backup is being made") if stopped else nullcontext()


def demo_left_out(paths: DataPaths) -> None:
    """Have the next start load no demo: a site that was restored or moved has what it is to have."""
    paths.root.mkdir(parents=True, exist_ok=True)
    paths.demo_loaded.touch()


def _tell(words: str) -> None:
    sys.stderr.write(f"PostgreSQL {words}\n")


def _stop(server: subprocess.Popen[bytes]) -> None:
    os.kill(server.pid, signal.SIGINT)
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()

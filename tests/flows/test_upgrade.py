"""A site of the first release is brought up to date, with all that it held, by the one command that an update runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg.rows import dict_row

from retrieval_site.supervisor.paths import DataPaths
from retrieval_site.supervisor.processes import start
from retrieval_site.supervisor.redis_server import EmbeddedRedis
from tests.flows.served import ROOT, open_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

NAME = "first_release"
Rows = list[dict[str, str | None]]
HASHED = {("search_query", "session"), ("search_judgement", "session")}
"""Columns whose values are others afterwards: the keys of sessions are hashed."""
MOVED = {"search_query": ["document_id", "embedding", "modality", "preview_id", "text"]}
"""Columns that went into another table: what a search asks with has rows of its own."""
BOOKKEEPING = {"django_migrations", "django_content_type", "auth_permission"}


class OldSite:
    """A database and a data folder of the first release, and a Redis of its own."""

    def __init__(self, address: str, paths: DataPaths) -> None:
        own = {"DATABASE_URL": address, "DATA_DIR": str(paths.root / "data"), "REDIS_URL": paths.redis_url}
        own["ENCODE_TIMEOUT_SECONDS"] = "60"  # the first query waits for the model
        self.address, self._environment = address, {**os.environ, **own}

    def run(self, *words: str, settings: str = "retrieval_site.settings") -> str:
        """Run Python with these words and return what it said."""
        environment = self._environment | {"DJANGO_SETTINGS_MODULE": settings}
        done = subprocess.run(
            [sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def rows(self) -> dict[str, Rows]:
        """The rows of each table, as text by columns."""
        names = (
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' ORDER BY 1, 2"
        )
        with psycopg.connect(self.address, row_factory=dict_row) as connection:
            columns: dict[str, list[str]] = {}
            for found in connection.execute(names).fetchall():
                columns.setdefault(found["table_name"], []).append(found["column_name"])
            return {
                table: _texts(connection, table, own)
                for table, own in columns.items()
                if table not in BOOKKEEPING
            }


def _texts(connection: psycopg.Connection[Any], table: str, columns: list[str]) -> Rows:
    listed = ", ".join(f'"{column}"::text' for column in columns)
    return list(connection.execute(f'SELECT {listed} FROM "{table}"'))


def _changes(before: dict[str, Rows], after: dict[str, Rows]) -> dict[str, list[str]]:
    """Return the tables whose rows, by the columns that they have before and after, are others; and where they went."""
    changed: dict[str, list[str]] = {}
    for table, rows in before.items():
        now = after.get(table, [])
        kept = rows[0].keys() & now[0].keys() if rows and now else set()
        kept -= {column for own, column in HASHED if own == table}
        then, there = (
            sorted(str(sorted((key, row[key]) for key in kept)) for row in each) for each in (rows, now)
        )
        gone = sorted(rows[0].keys() - now[0].keys()) if rows and now else []
        if then != there or gone:
            changed[table] = [*gone, *(["rows"] if then != there else [])]
    return changed


@pytest.fixture
def old_site(django_db_setup: None) -> Iterator[OldSite]:
    address = os.environ["DATABASE_URL"]
    other = urlunsplit(urlsplit(address)._replace(path=f"/{NAME}"))
    with open_folder() as folder, psycopg.connect(address, autocommit=True) as server:
        paths = DataPaths(folder)
        paths.log.mkdir()
        paths.run.mkdir()
        redis = EmbeddedRedis(paths)
        with (paths.log / "redis.log").open("wb") as log:
            running = start(redis.command(), log)
        server.execute(f"CREATE DATABASE {NAME} TEMPLATE template0")
        try:
            redis.wait_ready(running)
            yield OldSite(other, paths)
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(30)
            server.execute(f"DROP DATABASE {NAME} WITH (FORCE)")


def test_a_site_of_the_first_release_goes_on_with_all_that_it_held(old_site: OldSite) -> None:
    old_site.run("-m", "tests.support.first_release", settings="tests.support.settings_before_accounts")
    before = old_site.rows()
    assert (len(before["search_document"]), len(before["search_judgement"]), len(before["workers_blob"])) == (
        4,
        4,
        6,
    )
    old_site.run("manage.py", "migrate", "--verbosity=0")
    assert _changes(before, old_site.rows()) == MOVED

"""The database moves to another server and back by one command each, and stays where it is when anything is wrong."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections import namedtuple
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from retrieval_site.errors import AppError
from tests.support.corpus import clustered, make_collection, make_documents, make_version, store
from tests.support.postgres_servers import PostgresServer
from tests.support.workers import worker_environment
from workers.backup import moving
from workers.backup.programs import server_major
from workers.backup.restore import check_alone

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[3]
COUNT = 30
Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def _no_site_is_connected(query_worker: subprocess.Popen[bytes]) -> Iterator[None]:
    """The query worker of other tests loses its connections, and opens none meanwhile."""
    query_worker.send_signal(signal.SIGSTOP)
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        yield
    finally:
        query_worker.send_signal(signal.SIGCONT)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PostgresServer]:
    """An operator's own server with two empty databases of an ordinary user."""
    server = PostgresServer(tmp_path / "server")
    server.start()
    as_superuser = f"host={server.socket} user=postgres"
    with psycopg.connect(f"{as_superuser} dbname=postgres", autocommit=True) as there:
        there.execute("CREATE ROLE sightline LOGIN")
        for name in ("one", "two"):
            there.execute(f"CREATE DATABASE {name} OWNER sightline TEMPLATE template0")
    for name in ("one", "two"):
        with psycopg.connect(f"{as_superuser} dbname={name}", autocommit=True) as there:
            for extension in ("vector", "pg_trgm", "unaccent"):
                there.execute(f"CREATE EXTENSION {extension}")
    yield server
    server.end()


def address(server: PostgresServer, name: str) -> str:
    return f"postgresql://sightline@/{name}?host={server.socket}"


@pytest.fixture
def table() -> str:
    """The table of vectors of a site with documents, and with somebody who is signed in."""
    version = make_version()
    store(version, make_documents(make_collection(), COUNT), clustered(COUNT, 16))
    Session.objects.create(session_key="s" * 32, session_data="x", expire_date=timezone.now())
    return f"embedding_{version.pk}_passage"


def held(where: str, table: str) -> list[tuple[str, ...]]:
    """What a database has: sessions, titles of documents, and vectors."""
    with psycopg.connect(where) as there:
        found = there.execute(
            "SELECT (SELECT count(*)::text FROM django_session),"
            " string_agg(title || embedding::text, ',' ORDER BY unit_id), count(*)::text"
            f" FROM {table} JOIN search_document ON id = document_id"
        )
        return found.fetchall()


def moved(database_url: str, data: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command as an operator does, with the environment that their site has, and no site connected."""
    connection.close()
    own = {
        "DATABASE_URL": database_url,
        "DATA_DIR": str(data),
        "DJANGO_SETTINGS_MODULE": "retrieval_site.settings",
    }
    command = [sys.executable, str(ROOT / "manage.py"), "move_database", *words]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **own}, check=False)


def test_there_back_and_there_again_with_every_row(server, table, tmp_path):
    here = worker_environment()["DATABASE_URL"]
    before = held(here, table)
    assert before[0][2] == str(COUNT)
    one, two, data = address(server, "one"), address(server, "two"), tmp_path / "data"

    there = moved(here, data, "--to", one)
    assert there.returncode == 0, there.stderr
    assert "rows are equal in both databases" in there.stdout
    assert f"with DATABASE_URL={one}" in there.stdout
    assert held(one, table) == before == held(here, table)

    back = moved(one, data, "--to", "embedded")
    assert back.returncode == 0, back.stderr
    assert "without DATABASE_URL" in back.stdout
    assert (data / "demo_loaded").exists()

    again = moved("", data, "--to", two)  # from the embedded one, which nobody else has started
    assert again.returncode == 0, again.stderr
    assert held(two, table) == before
    refused = moved("", data, "--to", one)
    assert "restore.not_empty" in refused.stderr
    assert moved("", data, "--to", one, "--replace").returncode == 0
    assert held(one, table) == before


def test_a_site_that_had_servers_of_vectors_once_needs_no_superuser(server, table, tmp_path):
    here, one = worker_environment()["DATABASE_URL"], address(server, "one")
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION postgres_fdw")
    try:
        there = moved(here, tmp_path / "data", "--to", one)
        assert there.returncode == 0, there.stderr
        assert held(one, table) == held(here, table)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP EXTENSION postgres_fdw")


def refused(error_id: str, *words: str) -> None:
    with pytest.raises(CommandError, match=error_id.replace(".", r"\.")):
        call_command("move_database", *words)


def test_nothing_is_moved_over_a_site_or_beside_one_that_runs(server, table):
    one, here = address(server, "one"), worker_environment()["DATABASE_URL"]
    refused("move.same_database", "--to", here, "--replace")
    with psycopg.connect(one, autocommit=True) as there:
        there.execute("CREATE TABLE kept AS SELECT 1 AS n")
        refused("restore.not_empty", "--to", one)
        there.execute("DROP TABLE kept")
    for where in (one, here):
        with psycopg.connect(where, application_name="sightline"):
            refused("restore.site_running", "--to", one)
    with psycopg.connect(here) as writing:
        writing.execute("UPDATE search_collection SET name = 'changed'")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(moving, "LOCK_TIMEOUT_SECONDS", 1)
            refused("restore.site_running", "--to", one)
    with psycopg.connect(one) as there:
        assert there.execute("SELECT to_regclass('search_document')").fetchone() == (None,)


def test_an_older_server_and_a_full_disk_are_seen_before_anything_is_written(server, table, monkeypatch):
    one = address(server, "one")
    versions = moving._versions
    monkeypatch.setattr(
        moving,
        "_versions",
        lambda database: versions(database) | ({} if database is connection else {"vector": "0.8.0"}),
    )
    refused("move.target_older: The other server has pgvector 0.8.0", "--to", one)
    monkeypatch.setattr(
        moving, "_versions", lambda database: {} if database is not connection else versions(database)
    )
    refused("move.target_older: The other server has no extension vector", "--to", one)
    monkeypatch.setattr(moving, "_versions", versions)
    monkeypatch.setattr(moving, "server_major", lambda database: 18 if database is connection else 16)
    refused("move.target_older: The other server has PostgreSQL 16", "--to", one)
    monkeypatch.setattr(moving, "server_major", server_major)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1, 1, 1))
    refused("move.no_room", "--to", one)


def test_what_arrived_otherwise_is_said(server, table, monkeypatch):
    load = moving.load

    def lossy(dump, *, replace, database):
        load(dump, replace=replace, database=database)
        with database.cursor() as cursor:
            cursor.execute("DELETE FROM django_session")

    monkeypatch.setattr(moving, "load", lossy)
    said = "restore.differs: The other database does not hold what was moved into it: django_session"
    refused(said, "--to", address(server, "one"))


def test_a_site_to_which_its_address_gives_another_name_is_seen(monkeypatch):
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "application_name", "shop")
    here = worker_environment()["DATABASE_URL"]
    with psycopg.connect(here, application_name="shopkeeper"):
        check_alone()
    for name in ("shop", "shop 0123abcd", "sightline"):
        with psycopg.connect(here, application_name=name), pytest.raises(AppError) as refused:
            check_alone()
        assert refused.value.id == "restore.site_running"


@pytest.mark.parametrize("to", ["mysql://there/x", "there"])
def test_what_is_no_address_is_refused(to):
    refused("--to is an address", "--to", to)

"""docs/kubernetes.md, step 8: a restore over the tables of the setup job, by an ordinary user, the site stopped."""

from __future__ import annotations

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.support.postgres_servers import PostgresServer
from tests.workers.backup.conftest import CONTENTS
from workers.models import Blob

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[3]


class Console:
    """Runs `manage.py` as the chart's console does: own PostgreSQL, `SECRET_KEY` from outside, a data folder."""

    def __init__(self, server: PostgresServer, data: Path) -> None:
        self.address = f"postgresql://sightline@/sightline?host={server.socket}"
        own = {"DATABASE_URL": self.address, "DATA_DIR": str(data), "SECRET_KEY": "of the cluster"}
        self._environment = {**os.environ, **own, "DJANGO_SETTINGS_MODULE": "retrieval_site.settings"}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / "manage.py"), *words]
        return subprocess.run(command, capture_output=True, text=True, env=self._environment, check=False)


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    server = PostgresServer(tmp_path / "server")
    server.start()
    as_superuser = f"host={server.socket} user=postgres"
    with psycopg.connect(f"{as_superuser} dbname=postgres", autocommit=True) as there:
        there.execute("CREATE ROLE sightline LOGIN")
        there.execute("CREATE DATABASE sightline OWNER sightline TEMPLATE template0")
    with psycopg.connect(f"{as_superuser} dbname=sightline", autocommit=True) as there:
        for extension in ("vector", "pg_trgm", "unaccent"):
            there.execute(f"CREATE EXTENSION {extension}")
    yield Console(server, tmp_path / "data")
    server.end()


def test_a_backup_is_restored_over_the_tables_that_the_setup_job_made(site, console, tmp_path):
    assert console.run("migrate").returncode == 0
    identity = tmp_path / "key"
    identity.write_text(site.identity)
    restore = ("restore", str(site.sealed), "--identity", str(identity))
    refused = console.run(*restore)
    assert refused.returncode != 0
    assert "the database has the table" in refused.stderr

    for name in ("sightline", "sightline of-a-request"):
        with psycopg.connect(console.address, application_name=name):
            refused = console.run(*restore, "--replace")
            assert refused.returncode != 0
            assert "connect" in refused.stderr

    damaged = tmp_path / "data" / "blobs" / Blob(sha256=sha256(CONTENTS[0]).hexdigest()).storage_name
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(bytes(len(CONTENTS[0])))
    restored = console.run(*restore, "--replace", "--compare")
    assert restored.returncode == 0, restored.stderr
    assert "is restored: 2 files, and the database" in restored.stdout
    assert "2 files are equal" in restored.stdout
    assert (tmp_path / "data" / "demo_loaded").exists()  # the next start loads none
    assert "SECRET_KEY of the backup is in" in restored.stderr
    assert "The SECRET_KEY of the environment is another one" in restored.stderr
    assert damaged.read_bytes() == CONTENTS[0]
    assert (tmp_path / "data" / "secret_key").read_text() not in {"", "of the cluster"}
    assert "No migrations to apply" in console.run("migrate").stdout

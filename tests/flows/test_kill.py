"""Killing things in the middle of an import and of a re-index, with real processes: nothing is lost or made twice.

The installation has its own PostgreSQL and Redis, because both are restarted under the running jobs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from retrieval_site.supervisor.paths import DataPaths
from retrieval_site.supervisor.postgres import THROWAWAY_SETTINGS, EmbeddedPostgres
from retrieval_site.supervisor.processes import start
from retrieval_site.supervisor.redis_server import EmbeddedRedis
from search.indexing.units import BATCH_UNITS
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = 5_000
STEP_SECONDS = 60.0
BATCH = BATCH_UNITS["cpu"]["text"]

SETUP = """
from pathlib import Path
from django.core.files.base import File
from django.core.management import call_command
call_command("migrate", verbosity=0)
from models_admin import services
from models_admin.models import VersionState
from search.services.collections import collection_create
from workers.inference.bundles import read_manifest
from workers.models import Job
collection_create(name="Notes", slug="notes")
for name in ("first", "second"):
    path = Path({folder!r}) / f"{{name}}.zip"
    with path.open("rb") as file:
        version, _ = services.version_upload(bundle=File(file, name=str(path)))
    manifest = read_manifest(path)
    services.version_move(version, VersionState.VALID, manifest=manifest.to_json(), dim=manifest.dim)
Job.objects.all().delete()
"""
PREPARE = """
from models_admin.services import version_find, version_prepare
print(version_prepare(version=version_find({key!r})).pk)
"""
ACTIVATE = """
from models_admin.services import version_activate, version_find
version_activate(version=version_find({key!r}))
"""
IMPORT = """
from pathlib import Path
from search.models import Collection
from search.services.imports import import_folder_start
print(import_folder_start(collection=Collection.objects.get(slug="notes"), path=Path({path!r})).pk)
"""


@dataclass
class Installation:
    """Servers and a bulk worker on a data folder of their own."""

    paths: DataPaths
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def counts(self) -> Path:
        return self.paths.root / "encoded"

    @property
    def environment(self) -> dict[str, str]:
        """Without coverage, which takes a third of this test's time: killed processes leave no measurements."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
        return kept | {
            "DATABASE_URL": self.paths.database_url,
            "REDIS_URL": self.paths.redis_url,
            "DATA_DIR": str(self.paths.root / "data"),
            "COUNT_FILE": str(self.counts),
            "OMP_NUM_THREADS": "2",
        }

    def start_postgres(self) -> None:
        postgres = EmbeddedPostgres(self.paths, THROWAWAY_SETTINGS)
        postgres.prepare()
        with (self.paths.log / "postgres.log").open("ab") as log:
            self.running["postgres"] = start(postgres.command(), log)
        postgres.wait_ready(self.running["postgres"])
        postgres.ensure_database()

    def restart_postgres(self) -> None:
        """Stop it as an administrator does (open transactions are rolled back), and start it."""
        self.running["postgres"].send_signal(2)
        self.running["postgres"].wait(30)
        self.start_postgres()

    def start_redis(self) -> None:
        redis = EmbeddedRedis(self.paths)
        redis.prepare()
        with (self.paths.log / "redis.log").open("ab") as log:
            self.running["redis"] = start(redis.command(), log)
        redis.wait_ready(self.running["redis"])

    def start_worker(self) -> None:
        words = ["-Q", "bulk", "-c", "2", "--pool", "threads", "-n", f"bulk-{time.time()}@test"]
        words += ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "INFO"]
        with (self.paths.log / "bulk.log").open("ab") as log:
            self.running["worker"] = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "tests.support.counting_celery", "worker", *words],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def kill(self, name: str) -> None:
        self.running[name].kill()
        self.running[name].wait(30)

    def python(self, code: str, **values: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", "shell", "--verbosity", "0", "-c", code.format(**values)],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def row(self, statement: str, *values: object) -> tuple[Any, ...]:
        with psycopg.connect(self.paths.database_url) as connection:
            found = connection.execute(statement, values).fetchone()
        assert found is not None
        return found

    def job(self, job_id: str) -> dict[str, Any]:
        columns = ("state", "stage", "done", "error_id", "error", "result", "attempts")
        found = self.row(f"SELECT {', '.join(columns)} FROM workers_job WHERE id = %s", job_id)
        return dict(zip(columns, found, strict=True))

    def vectors(self, version: int) -> int:
        return self.row(f"SELECT count(*) FROM embedding_{version}_passage")[0]

    def encoded(self) -> int:
        return sum(int(line.split()[1]) for line in self.counts.read_text().splitlines())

    def wait(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + STEP_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                log = (self.paths.log / "bulk.log").read_text()
                pytest.fail(f"waited {STEP_SECONDS} s for {what}\n{log[-6000:]}")
            time.sleep(0.02)

    def wait_succeeded(self, job_id: str) -> None:
        self.wait(lambda: self.job(job_id)["state"] in ("succeeded", "failed", "cancelled"), f"job {job_id}")
        assert self.job(job_id)["state"] == "succeeded", self.job(job_id)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    made = Installation(DataPaths(tmp_path))
    made.paths.log.mkdir()
    made.counts.touch()
    yield made
    for process in made.running.values():
        process.kill()
        process.wait(30)


def _write_documents(path: Path) -> None:
    lines = (
        json.dumps({"external_id": f"d{n}", "body": f"A red pump, number {n}."}) for n in range(DOCUMENTS)
    )
    path.write_text("\n".join(lines))


def _check_vectors(installation: Installation, version: int) -> None:
    """Every passage has exactly one vector, and no vector is without its passage."""
    total, stored, matched = installation.row(
        f"""
        SELECT (SELECT count(*) FROM search_passage),
               (SELECT count(*) FROM embedding_{version}_passage),
               (SELECT count(DISTINCT unit_id) FROM embedding_{version}_passage v
                JOIN search_passage p ON p.id = v.unit_id)
        """
    )
    assert total == stored == matched == DOCUMENTS


def test_an_import_and_a_reindex_survive_kills_and_restarts_with_every_vector_stored_once(installation):
    for number, name in enumerate(("first", "second")):
        make_tiny_bundle(installation.paths.root / f"{name}.zip", name=name, seed=number)
    _write_documents(installation.paths.root / "notes.jsonl")
    installation.start_postgres()
    installation.start_redis()
    installation.python(SETUP, folder=str(installation.paths.root))
    installation.start_worker()
    empty = installation.python(PREPARE, key="first@1")
    installation.wait_succeeded(empty)
    installation.python(ACTIVATE, key="first@1")
    first, second = (
        installation.row("SELECT id FROM models_admin_modelversion WHERE name = %s", name)[0]
        for name in ("first", "second")
    )

    # An import: the worker is killed while documents are stored, and again while they are encoded.
    imported = installation.python(IMPORT, path=str(installation.paths.root / "notes.jsonl"))
    installation.wait(lambda: installation.row("SELECT count(*) FROM search_document")[0] > 0, "documents")
    installation.kill("worker")
    assert installation.row("SELECT count(*) FROM search_document")[0] > 0
    assert installation.job(imported)["state"] == "running"
    installation.start_worker()
    installation.wait(lambda: installation.vectors(first) > 0, "the first vectors")
    installation.kill("worker")
    assert 0 < installation.vectors(first) < DOCUMENTS
    installation.start_worker()
    # Redis is killed and comes back empty while the rest is encoded.
    stored = installation.vectors(first)
    installation.wait(lambda: installation.vectors(first) > stored, "more vectors")
    installation.kill("redis")
    installation.start_redis()
    installation.wait_succeeded(imported)
    _check_vectors(installation, first)
    assert installation.encoded() <= DOCUMENTS + BATCH
    assert installation.job(imported)["result"]["new"] == DOCUMENTS

    # A re-index beside the running model: its message is lost, the worker killed, PostgreSQL restarted.
    before = installation.encoded()
    installation.kill("worker")
    prepared = installation.python(PREPARE, key="second@1")
    installation.kill("redis")
    installation.start_redis()
    installation.start_worker()
    table = f"embedding_{second}_passage"
    exists = "SELECT to_regclass(%s) IS NOT NULL"
    installation.wait(lambda: installation.row(exists, table)[0], "the new table")
    installation.wait(lambda: installation.vectors(second) > 0, "its first vectors")
    installation.kill("worker")
    assert 0 < installation.vectors(second) < DOCUMENTS
    installation.start_worker()
    stored = installation.vectors(second)
    installation.wait(lambda: installation.vectors(second) > stored, "more vectors of the new model")
    installation.restart_postgres()
    assert installation.vectors(second) < DOCUMENTS
    installation.wait_succeeded(prepared)
    _check_vectors(installation, second)
    _check_vectors(installation, first)
    assert installation.encoded() - before <= DOCUMENTS + 2 * BATCH
    assert installation.job(prepared)["result"]["coverage"]["passage"] == {
        "total": DOCUMENTS,
        "stored": DOCUMENTS,
        "broken": 0,
        "missing": 0,
    }
    assert installation.row("SELECT state FROM models_admin_modelversion WHERE id = %s", second) == ("ready",)
    installation.python(ACTIVATE, key="second@1")

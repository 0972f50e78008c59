"""An update whose migration fails: what was there goes on, and the version before starts again on what is there now."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import psycopg
import pytest
from django.db.migrations.loader import MigrationLoader

from retrieval_site.supervisor.paths import DataPaths
from tests.flows.served import ROOT, Served, free_port, open_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CODE = (
    "manage.py",
    "demo",
    "locale",
    "models_admin",
    "retrieval_site",
    "search",
    "static",
    "templates",
    "workers",
)
NEWER = """
from django.db import migrations

class Migration(migrations.Migration):
    dependencies = [("search", "{before}")]
    operations = [migrations.RunSQL(statement) for statement in {statements}]
"""
ADDS = ["ALTER TABLE search_collection ADD COLUMN of_tomorrow integer NOT NULL DEFAULT 7"]
FAILS = ["CREATE TABLE of_tomorrow ()", "UPDATE search_collection SET name = 'lost'", "SELECT 1 / 0"]
MAKE = "from search.models import Collection; Collection.objects.create(slug='{0}', name='{0}', visibility='public')"


@pytest.fixture
def site() -> Iterator[tuple[Served, Served]]:
    """A version that runs, and its successor in another folder, with one migration that works and one that fails."""
    with open_folder() as folder:
        newer = folder / "newer"
        newer.mkdir()
        for name in CODE:
            (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, newer / name)
        _add_migrations(newer / "search" / "migrations")
        data, port = folder / "data", free_port()
        before, after = Served(data, port), Served(data, port, root=newer)
        try:
            before.start()
            yield before, after
        finally:
            if before.process is not None and before.process.poll() is None:
                before.stop()


def _add_migrations(folder: Path) -> None:
    last = sorted(folder.glob("0*.py"))[-1].stem
    for name, before, statements in (("9998_adds", last, ADDS), ("9999_fails", "9998_adds", FAILS)):
        (folder / f"{name}.py").write_text(NEWER.format(before=before, statements=statements))


def _state(data: Path) -> tuple[bool, list[tuple[str, int]]]:
    """Whether the failing migration's table is there; the collections with the column that the other one adds."""
    with psycopg.connect(DataPaths(data).database_url) as connection:
        found = connection.execute("SELECT to_regclass('of_tomorrow') IS NOT NULL").fetchone()
        rows = connection.execute("SELECT name, of_tomorrow FROM search_collection ORDER BY id").fetchall()
        return bool(found and found[0]), rows


@pytest.mark.slow
def test_a_version_whose_migration_fails_leaves_the_former_one_running(site: tuple[Served, Served]) -> None:
    before, after = site
    assert before.command("shell", "-c", MAKE.format("kept")).returncode == 0

    failed = after.command("migrate")
    assert failed.returncode == 1
    assert "database.migration_failed: The migration search.9999_fails failed" in failed.stderr
    assert "division by zero" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert _state(before.data_dir) == (False, [("kept", 7)])
    status, page = before.get("/collections/kept/")
    assert (status, b"kept" in page) == (200, True)
    assert before.ready()

    before.stop()
    ended = after.command("serve")
    assert ended.returncode == 1
    assert "The step `bootstrap` failed" in ended.stderr
    assert "database.migration_failed: The migration search.9999_fails failed" in ended.stderr
    assert "docs/operator.md" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert _state_of_stopped(before) == (False, [("kept", 7)])


def _state_of_stopped(before: Served) -> tuple[bool, list[tuple[str, int]]]:
    """Start the former version again on the newer schema, have it write, and return the state before it wrote."""
    before.start()
    assert "No migrations to apply" in before.command("migrate").stdout
    state = _state(before.data_dir)
    made = before.command("shell", "-c", MAKE.format("later"))
    assert made.returncode == 0, made.stderr
    assert before.get("/collections/later/")[0] == 200
    assert before.ready()
    return state


def test_every_migration_is_all_or_nothing() -> None:
    """So that one that fails leaves nothing behind. One that cannot be must say how it goes on where it broke off."""
    migrations = MigrationLoader(None).disk_migrations
    assert len(migrations) > 60
    assert [str(migration) for migration in migrations.values() if not migration.atomic] == []

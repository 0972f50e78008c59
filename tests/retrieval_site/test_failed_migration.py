"""A migration that fails leaves nothing behind, and says its name, the reason, and where to read on."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from tests.flows.served import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "failed_migration"


@pytest.fixture
def address() -> Iterator[str]:
    """An empty database's address, on the server of the tests."""
    address = os.environ["DATABASE_URL"]
    with psycopg.connect(address, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {NAME} TEMPLATE template0")
        yield urlunsplit(urlsplit(address)._replace(path=f"/{NAME}"))
        server.execute(f"DROP DATABASE {NAME} WITH (FORCE)")


def test_it_ends_in_a_sentence_and_keeps_nothing(address: str) -> None:
    own = {"DATABASE_URL": address, "DJANGO_SETTINGS_MODULE": "tests.support.settings_failing_migration"}
    words = [sys.executable, "manage.py", "migrate", "sessions", "--skip-checks"]
    done = subprocess.run(
        words, cwd=ROOT, env={**os.environ, **own}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "database.migration_failed: The migration sessions.0001_initial failed" in done.stderr
    assert "division by zero" in done.stderr
    assert "docs/operator.md" in done.stderr
    assert "Traceback" not in done.stderr
    with psycopg.connect(address) as there:
        assert there.execute("SELECT to_regclass('of_tomorrow')").fetchone() == (None,)
        applied = there.execute("SELECT count(*) FROM django_migrations WHERE app = 'sessions'").fetchone()
    assert applied == (0,)

"""Fixtures for every test. PostgreSQL and Redis are started by tests/support/services.py."""

from __future__ import annotations

import gc
import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

import hypothesis
import pytest
import redis
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.commands import flush
from django.db import OperationalError
from django.db.backends.postgresql.operations import DatabaseOperations
from psycopg.errors import DeadlockDetected

from tests.support.moto_server import buckets  # noqa: F401
from tests.support.workers import _query_worker_process, query_worker  # noqa: F401  fixtures for every test

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client

    from retrieval_site.accounts.models import User

if find_spec("torch") is None:  # `make test-web`: these need torch or a browser
    collect_ignore = ["browser", "search/api/test_docs_page.py", "search/retrieval/test_plans.py", "workers"]


def pytest_configure() -> None:
    """Pages name static files as they are: hashed names exist only after `collectstatic`, which no test needs.

    Passwords are hashed fast: what makes guessing them slow makes signing in slow too. How fast Hypothesis makes its
    examples is not judged: on a shared machine that says nothing of them.
    """
    hypothesis.settings.register_profile(
        "shared", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile("shared")
    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what needs the query worker behind what does not: that worker cannot see rows that are rolled back.

    Tests that commit stay last, as pytest-django puts them.
    """
    late = [item for item in items if not _commits(item) and "query_worker" in _fixtures(item)]
    others = [item for item in items if item not in late]
    at = next((place for place, item in enumerate(others) if _commits(item)), len(others))
    items[:] = [*others[:at], *late, *others[at:]]


def pytest_collection_finish() -> None:
    """What is imported and collected by now stays to the end: the garbage collector need not go through it again."""
    gc.collect()
    gc.freeze()


def _commits(item: pytest.Item) -> bool:
    marker = item.get_closest_marker("django_db")
    asked = bool(marker and marker.kwargs.get("transaction"))
    return asked or bool({"transactional_db", "live_server"} & set(_fixtures(item)))


def _fixtures(item: pytest.Item) -> list[str]:
    return getattr(item, "fixturenames", [])


# Truncating makes all files of a table and of its indexes anew, and of all that refer to it: with a hundred tables that
# takes longer than most tests. So the rows of small tables are deleted, without triggers: foreign keys are not checked,
# and the audit log does not refuse. All tables are locked as TRUNCATE would: that waits for whoever still writes.
# Content types and permissions, which migrations made, stay.
_FLUSH = """
    DO $flush$
    DECLARE
        name text;
        names text[] := ARRAY(
            SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
            AND relname NOT IN ('django_migrations', 'django_content_type', 'auth_permission')
        );
        filled boolean;
    BEGIN
        EXECUTE 'LOCK TABLE ' || array_to_string(names, ', ');
        SET LOCAL session_replication_role = replica;
        FOREACH name IN ARRAY names LOOP
            EXECUTE 'SELECT EXISTS (SELECT FROM ' || name || ')' INTO filled;
            IF filled AND pg_relation_size(name) > 1048576 THEN
                EXECUTE 'TRUNCATE ' || name || ' CASCADE';
            ELSIF filled THEN
                EXECUTE 'DELETE FROM ' || name;
            END IF;
        END LOOP;
    END $flush$
"""


@pytest.fixture(autouse=True, scope="session")
def _flush_is_quick_and_reaches_the_vector_tables() -> Iterator[None]:
    """Tests that commit end with a flush; Django's truncates its own tables, and vector tables refer to passages.

    A browser that was closed may have left a request behind; where the two wait for each other, PostgreSQL ends one.
    """
    execute = DatabaseOperations.execute_sql_flush

    def again_after_a_deadlock(self, statements):
        try:
            execute(self, statements)
        except OperationalError as error:
            if not isinstance(error.__cause__, DeadlockDetected):
                raise
            execute(self, statements)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", lambda *_, **__: [_FLUSH])
        patch.setattr(DatabaseOperations, "execute_sql_flush", again_after_a_deadlock)
        patch.setattr(flush, "emit_post_migrate_signal", lambda *_, **__: None)
        yield


@pytest.fixture(autouse=True, scope="session")
def _encoders_are_kept() -> None:
    from tests.support.kept_encoders import keep_encoders

    keep_encoders()


@pytest.fixture
def clean_redis() -> Iterator[redis.Redis]:
    """An empty Redis before and after: for tests that use the cache, a broker or heartbeats."""
    client = redis.Redis.from_url(os.environ["REDIS_URL"])
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


@pytest.fixture(autouse=True)
def _patient_heartbeat(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job's heartbeat has its own connection, which cannot see what a test's open transaction wrote."""
    marker = request.node.get_closest_marker("django_db")
    if marker is None or not marker.kwargs.get("transaction"):
        monkeypatch.setattr("workers.jobs.lease.RENEW_SECONDS", 3600.0)


@pytest.fixture(autouse=True)
def _no_announcements(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process remembers announcements for seconds: no test has those of another, nor their statement."""
    monkeypatch.setattr("search.services.announcements._remembered.rows", ())
    monkeypatch.setattr("search.services.announcements._remembered.until", float("inf"))


@pytest.fixture
def root(db: None, client: Client) -> User:
    """An administrator, signed in to the browser `client`."""
    user = get_user_model().objects.create_superuser("root", password="x")
    client.force_login(user)
    return user

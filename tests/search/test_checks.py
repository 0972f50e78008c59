"""What a boot check says of the database's server."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from django.core.checks import run_checks
from django.db import connection, connections

from retrieval_site.errors import AppError
from search import checks
from search.indexing.locks import version_lock
from tests.support.corpus import make_version
from workers.storage.sweeping import removals_held

if TYPE_CHECKING:
    from django.core.checks import CheckMessage


def found() -> list[CheckMessage]:
    return checks.extensions_are_there(None, databases=["default"])


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.django_db
def test_a_missing_extension_is_named_before_a_migration_fails(monkeypatch):
    assert found() == []
    monkeypatch.setattr(checks, "EXTENSIONS", ("unaccent", "not_there"))
    (missing,) = found()
    assert "not_there" in missing.msg
    assert missing.id == "sightline.E011"
    assert checks.extensions_are_there(None) == []


@pytest.mark.django_db
def test_an_extension_that_this_account_may_not_make_is_named_with_what_a_superuser_does():
    execute("DROP EXTENSION unaccent CASCADE")
    assert found() == []
    execute("CREATE ROLE nobody_much")
    execute("SET LOCAL ROLE nobody_much")
    (refused,) = found()
    assert refused.id == "sightline.E012"
    assert "unaccent" in refused.msg
    assert "permission denied" in refused.msg
    assert 'CREATE EXTENSION "unaccent";' in refused.hint


@pytest.mark.django_db
def test_an_account_that_may_make_it_is_told_nothing_and_nothing_is_made():
    execute("DROP EXTENSION unaccent CASCADE")
    execute("CREATE ROLE owner_of_it")
    execute(
        f"GRANT CREATE ON DATABASE {connection.ops.quote_name(connection.settings_dict['NAME'])} TO owner_of_it"
    )
    execute("GRANT CREATE, USAGE ON SCHEMA public TO owner_of_it")
    execute("SET LOCAL ROLE owner_of_it")
    assert found() == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_extension WHERE extname = 'unaccent'")
        assert cursor.fetchone() == (0,)


@pytest.mark.django_db
def test_an_extension_that_is_made_already_needs_no_right():
    execute("CREATE ROLE nobody_much")
    execute("SET LOCAL ROLE nobody_much")
    assert found() == []


@pytest.mark.parametrize(
    ("addresses", "says"),
    [
        (["nonsense=1"], "number 1 in VECTOR_SHARDS cannot be read"),
        (["postgresql://a@one/v", "postgresql://b@one/v"], "names one server and database twice"),
    ],
)
def test_a_wrong_address_of_a_server_of_vectors_is_refused_at_the_start(settings, addresses, says):
    assert checks.vector_shards_can_be_read(None) == []
    settings.CONFIG = replace(settings.CONFIG, vector_shards=addresses)
    (wrong,) = [found for found in run_checks() if found.id == "sightline.E013"]
    assert says in wrong.msg


@pytest.fixture
def pooled(monkeypatch):
    """A second connection that is given the session of the first while that has no transaction."""
    second = SimpleNamespace(cursor=connection.cursor, close=lambda: None)
    monkeypatch.setattr(connections, "create_connection", lambda alias: second)


@pytest.mark.django_db
def test_sessions_of_ones_own_are_nothing_to_say():
    assert checks.sessions_are_kept(None, databases=["default"]) == []


@pytest.mark.django_db
def test_a_pooler_in_transaction_mode_is_told_and_no_lock_of_a_session_is_taken_through_it(pooled):
    (warned,) = checks.sessions_are_kept(None, databases=["default"])
    assert warned.id == "sightline.W006"
    assert checks.sessions_are_kept(None) == []
    for lock in (removals_held, lambda: version_lock(make_version())):
        with pytest.raises(AppError, match=r"database\.pooled"), lock():
            pass
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
        assert cursor.fetchone() == (0,)

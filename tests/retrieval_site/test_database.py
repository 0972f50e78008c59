"""The database engine: connections that are known to stand, prepared statements, statements that travel together."""

from __future__ import annotations

import psycopg
import pytest
from django.db import ProgrammingError, connection, transaction
from django.db.backends.postgresql import base

from retrieval_site.database import Prepared, in_one_trip
from retrieval_site.database.addresses import without_password
from search.models import Document
from tests.support.corpus import make_collection

pytestmark = pytest.mark.django_db(transaction=True)


def _prepared() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [statement for (statement,) in cursor.fetchall()]


def _one(statement: str, *parameters: object) -> object:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchone()[0]


@pytest.fixture
def asked(monkeypatch):
    """How often a connection was asked by a query whether it stands."""
    calls = []
    usual = base.DatabaseWrapper.is_usable

    def counted(self):
        calls.append(self.alias)
        return usual(self)

    monkeypatch.setattr(base.DatabaseWrapper, "is_usable", counted)
    return calls


def test_a_quiet_connection_is_taken_for_usable_without_a_query(asked):
    connection.ensure_connection()
    assert connection.is_usable()
    assert asked == []


def test_a_connection_whose_server_process_is_gone_is_not_usable_and_the_next_request_gets_a_new_one(asked):
    process = _one("SELECT pg_backend_pid()")
    with psycopg.connect(connection.connection.info.dsn, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [process])
    connection.health_check_enabled, connection.health_check_done = True, False
    connection.close_if_health_check_failed()
    assert asked == ["default"]
    assert _one("SELECT pg_backend_pid()") != process


def test_a_connection_after_an_error_is_asked_by_a_query(asked):
    with pytest.raises(ProgrammingError):
        _one("SELECT nothing FROM nowhere")
    assert connection.is_usable()
    assert asked == ["default"]


def test_a_connection_that_was_closed_is_not_usable():
    connection.ensure_connection()
    connection.connection.close()
    assert not connection.is_usable()
    connection.close()
    assert not connection.is_usable()


def test_only_statements_that_say_so_are_prepared_however_often_they_come():
    connection.close()
    for number in range(10):
        assert _one(Prepared("SELECT %s::int + 1"), number) == number + 1
        assert _one("SELECT %s::int + 2", number) == number + 2
    assert [statement for statement in _prepared() if "+" in statement] == ["SELECT $1::int + 1"]


def test_statements_in_one_trip_have_their_answers_behind_it():
    with transaction.atomic(), connection.cursor() as settings, connection.cursor() as cursor:
        with in_one_trip():
            settings.execute("SELECT set_config('work_mem', '5MB', true)")
            cursor.execute("SELECT current_setting('work_mem'), %s::int", [7])
        assert cursor.fetchall() == [("5MB", 7)]
    assert _one("SHOW work_mem") != "5MB"


def test_an_error_in_one_trip_is_djangos_and_the_connection_goes_on():
    with (
        pytest.raises(ProgrammingError),
        transaction.atomic(),
        connection.cursor() as first,
        connection.cursor() as second,
        in_one_trip(),
    ):
        first.execute("SELECT nothing FROM nowhere")
        second.execute("SELECT 1")
    assert _one("SELECT 1") == 1


def test_more_rows_than_one_statement_has_parameters_for_are_stored_and_deleted():
    collection = make_collection("many")
    rows = [Document(collection=collection, external_id=str(n), title="t", body="b") for n in range(9_000)]
    Document.objects.bulk_create(rows)
    changed = rows[:5_200]  # of thirteen parameters each
    for row in changed:
        row.title = "u"
    Document.objects.bulk_update(changed, ["title", "body", "url", "external_id", "tags", "metadata"])
    assert Document.objects.filter(title="u").count() == len(changed)
    assert len(Document.objects.in_bulk(list(range(70_000)))) <= 9_000
    Document.objects.filter(collection=collection).delete()
    assert not Document.objects.exists()


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://me@db/site", "postgresql://me@db/site"),
        ("postgresql://me:p%40ss@db:5432/site", "postgresql://me:PASSWORD@db:5432/site"),
        (
            "postgresql://me@/site?host=/run&password=p%26ss&sslmode=require",
            "postgresql://me@/site?host=/run&password=PASSWORD&sslmode=require",
        ),
        ("postgresql:///site?password=pass", "postgresql:///site?password=PASSWORD"),
        ("postgresql://db/site?sslpassword=pass", "postgresql://db/site?sslpassword=PASSWORD"),
    ],
)
def test_an_address_is_shown_without_what_is_secret(address, shown):
    assert without_password(address) == shown

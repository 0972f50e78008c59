"""Reading by a second connection to the real server: one that cannot write, is away, dies, or is behind."""

from __future__ import annotations

from copy import deepcopy
from types import SimpleNamespace

import pytest
from django.contrib.auth import get_user_model
from django.db import InternalError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from retrieval_site.accounts.models import User
from retrieval_site.database import own_writes, reading
from retrieval_site.database.own_writes import _WRITES
from retrieval_site.database.reading import read
from retrieval_site.database.replica import REPLICA
from search.job_types import ENCODE
from search.models import Collection, Document, Query
from search.retrieval import reopen
from tests.support.corpus import make_collection
from tests.support.replica import replica_at
from workers.jobs.services import job_create
from workers.jobs.types import JobParameters

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "replica"]),
    pytest.mark.usefixtures("clean_redis"),
]

NAME = "sightline-reading"


@pytest.fixture(scope="module")
def second_server(django_db_setup):
    """The same database by a connection of its own, which refuses to write."""
    database = deepcopy(connections.databases["default"])
    database["OPTIONS"] |= {"application_name": NAME, "options": "-c default_transaction_read_only=on"}
    with replica_at(database):
        yield


def backends() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT application_name FROM pg_stat_activity WHERE datname = current_database()")
        return [name for (name,) in cursor.fetchall()]


def test_a_search_reads_from_the_replica_and_keeps_its_query_on_the_primary(ask, version, replica) -> None:
    with CaptureQueriesContext(replica) as by_replica, CaptureQueriesContext(connection) as by_primary:
        answer = ask()

    assert len(answer.hits) == 5
    assert NAME in backends()
    read_there = " ".join(query["sql"] for query in by_replica)
    assert f"embedding_{version.pk}_passage" in read_there
    assert "search_document" in read_there
    written = [query["sql"] for query in by_primary]
    assert any("INSERT INTO" in sql and "search_query" in sql for sql in written)
    assert not any(f'FROM "embedding_{version.pk}_passage"' in sql for sql in written)


def test_pages_and_lists_read_documents_from_the_replica_and_people_from_the_primary(
    client, ask, replica
) -> None:
    client.force_login(get_user_model().objects.create_user("ann"))
    kept = ask().query_id
    for address in ("/", "/collections/", "/collections/public/", f"/q/{kept}/", "/api/v1/documents/"):
        with CaptureQueriesContext(replica) as by_replica:
            assert client.get(address).status_code == 200, address
        tables = " ".join(query["sql"] for query in by_replica)
        assert "search_collection" in tables, address
        # Whose groups have which role is read beside the memberships; of people themselves nothing is.
        assert "auth_user" not in tables.replace('"auth_user_groups"', ""), address
        assert "django_session" not in tables, address
        assert '"search_query"' not in tables, address


def test_a_job_just_made_is_read_where_it_was_written(client, replica) -> None:
    ann = get_user_model().objects.create_superuser("ann")
    client.force_login(ann)
    job = job_create(ENCODE, JobParameters(), owner=ann)
    with CaptureQueriesContext(replica) as by_replica:
        assert client.get(f"/api/v1/jobs/{job.pk}/").status_code == 200
        assert client.get("/api/v1/jobs/").json()["results"][0]["id"] == str(job.pk)
    assert not [
        query for query in by_replica.captured_queries if "pg_last_wal_replay_lsn" not in query["sql"]
    ]


def test_nothing_can_be_written_by_the_replica_and_saving_what_was_read_there_goes_to_the_primary(
    documents, replica
) -> None:
    document = read(Document.objects.first)
    assert document._state.db == REPLICA
    document.title = "New"
    document.save()
    assert Document.objects.get(pk=document.pk).title == "New"
    with pytest.raises(InternalError, match="read-only"):
        read(lambda: reading.connection.cursor().execute("DELETE FROM search_document"))


def test_of_two_writes_at_once_the_position_of_the_later_one_counts(
    replica, clean_redis, monkeypatch
) -> None:
    positions = iter([110, 100, 120])
    monkeypatch.setattr(own_writes, "position_written", lambda: next(positions))
    monkeypatch.setattr(own_writes, "actor_now", lambda: SimpleNamespace(user=SimpleNamespace(pk=7)))
    for known in (110, 110, 120):
        own_writes.own_writes_note(7)
        assert own_writes._kept() == known
        (key,) = clean_redis.keys("*own-writes:7")
        assert 60 < clean_redis.ttl(key) <= own_writes._kept_seconds()


def test_inside_a_transaction_its_own_writes_are_read() -> None:
    with transaction.atomic():
        make_collection("mine")
        assert read(Collection.objects.get)._state.db == "default"


def test_a_replica_that_is_away_is_asked_once_and_the_primary_answers(
    ask, client, replica, monkeypatch
) -> None:
    monkeypatch.setattr(replica, "settings_dict", replica.settings_dict | {"HOST": "127.0.0.1", "PORT": "1"})
    tried = []
    connect = type(replica).get_new_connection
    monkeypatch.setattr(
        type(replica),
        "get_new_connection",
        lambda self, params: (tried.append(self.alias), connect(self, params))[1],
    )
    assert len(ask().hits) == 5
    assert client.get("/collections/").status_code == 200
    assert len(ask().hits) == 5
    assert tried.count(REPLICA) == 1
    monkeypatch.setattr(reading, "_away_until", 0.0)
    assert len(ask().hits) == 5
    assert tried.count(REPLICA) == 2


def test_a_search_whose_replica_dies_under_it_is_answered_by_the_primary(ask, replica) -> None:
    ask()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", [NAME]
        )
    assert len(ask().hits) == 5
    assert Query.objects.count() == 2
    assert reading._away_until > 0


def test_an_error_of_the_search_itself_is_no_fault_of_the_replica(ask, replica) -> None:
    with pytest.raises(ZeroDivisionError):
        read(lambda: 1 // 0)
    with CaptureQueriesContext(replica) as by_replica:
        ask()
    assert by_replica.captured_queries


def test_behind_a_search_finds_what_the_replica_has_and_its_owner_opens_it_at_once(
    ask, documents, replica
) -> None:
    replica.ensure_connection()
    replica.set_autocommit(False)
    with replica.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SELECT 1")  # from here on it sees nothing new
    answer = ask()
    Document.objects.filter(pk=answer.hits[0].document.pk).update(title="Newer")
    Document.objects.create(collection=documents[0].collection, external_id="new", title="New")

    opened = reopen(answer.query_id, None)

    assert [hit.document.pk for hit in opened.hits[:5]] == [hit.document.pk for hit in answer.hits]
    assert opened.hits[0].document.title != "Newer"
    assert read(Document.objects.count) == 20
    assert Document.objects.count() == 21


def test_without_the_setting_everything_is_read_by_the_primary(ask, monkeypatch) -> None:
    monkeypatch.delitem(connections.databases, REPLICA)
    assert read(Document.objects.first)._state.db == "default"
    assert len(ask().hits) == 5
    assert NAME not in backends()


@pytest.mark.parametrize(
    ("statement", "is_written"),
    [
        ('UPDATE "search_document" SET "title" = %s', True),
        ('DELETE FROM "search_membership" WHERE "id" = %s', True),
        (f'INSERT INTO "{User.groups.through._meta.db_table}" ("user_id", "group_id") VALUES (%s, %s)', True),
        ('INSERT INTO "search_query" ("id") VALUES (%s)', False),
        ('SELECT * FROM "search_document" FOR UPDATE', False),
    ],
)
def test_what_is_read_from_the_replica_or_says_who_may_see_it_counts_as_written(
    statement, is_written
) -> None:
    assert bool(_WRITES.match(statement)) == is_written

"""Reading from a real streaming replica of the tests' server: its delay, own writes, its death and its return."""

from __future__ import annotations

import math
import signal
import threading
import time
from copy import deepcopy
from dataclasses import replace

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from retrieval_site.database import reading
from retrieval_site.database import replica as positions
from retrieval_site.database.own_writes import own_writes_note
from retrieval_site.database.reading import read
from retrieval_site.database.replica import REPLICA, position_written, progress, progress_forget
from retrieval_site.health.gauges import gauges_forget
from search.job_types import ENCODE
from search.models import BatchPhoto, Document, Judgement, PhotoBatch
from search.services.members import member_set
from tests.support.corpus import make_documents
from tests.support.pages import kept_query
from tests.support.postgres_servers import Standby
from tests.support.replica import replica_at
from workers.jobs.services import job_claim, job_create, job_finish
from workers.jobs.types import JobParameters
from workers.storage.blobs import blob_store

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "replica"]),
    pytest.mark.usefixtures("clean_redis"),
]

PATIENCE_SECONDS = 20.0


@pytest.fixture(scope="module")
def second_server(services_folder, django_db_setup):
    database = deepcopy(connections.databases["default"])
    if not str(database["HOST"]).startswith(str(services_folder)):
        pytest.skip("the server of these tests is not their own")
    server = Standby(services_folder / "standby", database["HOST"])
    server.start()
    database["HOST"] = server.socket
    database["OPTIONS"] |= {"connect_timeout": "3"}
    with replica_at(database):
        yield server
    server.end()


@pytest.fixture
def collection(documents):
    caught_up()
    return documents[0].collection


@pytest.fixture
def paused(replica, collection):
    """The replica receives and does not replay; call what is given to let it go on."""
    replay("pause")
    yield lambda: (replay("resume"), caught_up())
    replay("resume")


def replay(what: str) -> None:
    with connections[REPLICA].cursor() as cursor:
        cursor.execute(f"SELECT pg_wal_replay_{what}()")


def caught_up() -> None:
    wanted = position_written()
    wait_for(lambda: progress().replayed >= wanted)
    progress_forget()


def wait_for(is_so) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.02)


def titles(client: Client) -> list[str]:
    answer = client.get("/api/v1/documents/", {"limit": 100})
    assert answer.status_code == 200
    return [row["title"] for row in answer.json()["results"]]


def test_searches_pages_and_lists_are_read_from_a_server_in_recovery(
    ask, client, collection, replica
) -> None:
    with replica.cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery()")
        assert cursor.fetchone() == (True,)
    for what in (
        lambda: ask().hits,
        lambda: titles(client),
        lambda: client.get("/collections/public/").status_code == 200,
    ):
        with CaptureQueriesContext(replica) as by_replica:
            assert what()
        assert any("search_" in query["sql"] for query in by_replica)


@pytest.fixture
def kept(documents, collection):
    """Files of what is kept of one search: of its hits, of a batch of photos that found the same, and of judgements."""
    root = get_user_model().objects.create_superuser("root")
    query = kept_query(documents)
    batch = PhotoBatch.objects.create(user=root, upload=blob_store(b"a zip", "application/zip"))
    BatchPhoto.objects.create(batch=batch, name="a", answer=query.answer)
    Judgement.objects.create(query=query, document=documents[0], user=root, grade=1)
    caught_up()
    files = (f"search/{query.pk}/export.csv", f"photo-batches/{batch.pk}/table.csv", "judgements/export.run")
    return root, {name: f"/api/v1/{name}" for name in (*files, f"search/{query.pk}/export.json")}


def taken(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.getvalue().decode()


def test_exports_are_read_from_the_replica_while_they_are_sent(client, kept, replica) -> None:
    root, files = kept
    client.force_login(root)
    for address in files.values():
        with CaptureQueriesContext(replica) as by_replica, CaptureQueriesContext(connection) as by_primary:
            assert "d0" in taken(client, address)
        assert any("search_document" in query["sql"] for query in by_replica), address
        of_documents = [query["sql"] for query in by_primary if "search_document" in query["sql"]]
        assert not [sql for sql in of_documents if "search_judgement" not in sql], address


def test_an_export_has_what_its_reader_wrote_and_of_others_what_the_replica_has(
    client, kept, documents, paused
) -> None:
    root, files = kept
    others, mine = Client(), client
    others.force_login(get_user_model().objects.create_superuser("other"))
    mine.force_login(root)
    changed = {"title": "Just written"}
    address = f"/api/v1/documents/{documents[0].pk}/"
    assert mine.patch(address, changed, content_type="application/json").status_code == 200
    progress_forget()
    hits = next(address for name, address in files.items() if name.endswith("export.csv"))
    table = next(address for name, address in files.items() if name.endswith("table.csv"))
    assert "Just written" in taken(mine, hits)
    assert "Just written" in taken(mine, table)
    assert "Just written" not in taken(others, hits)
    paused()
    assert "Just written" in taken(others, hits)


def test_who_wrote_sees_it_at_once_while_others_see_what_the_replica_has(
    client, collection, replica, paused
) -> None:
    ann, bob = (get_user_model().objects.create_user(name) for name in ("ann", "bob"))
    member_set(collection=collection, role="curator", name="ann")
    others, mine = Client(), client
    others.force_login(bob)
    mine.force_login(ann)
    sent = {"collection": "public", "external_id": "new", "title": "Just written", "body": "A body."}
    assert mine.post("/api/v1/documents/", sent, content_type="application/json").status_code == 201

    progress_forget()
    assert "Just written" in titles(mine)
    assert "Just written" not in titles(others)
    paused()
    with CaptureQueriesContext(replica) as by_replica:
        assert "Just written" in titles(mine)
    assert any("search_document" in query["sql"] for query in by_replica)


def test_what_a_job_wrote_is_seen_by_its_owner_once_the_job_is_over(client, collection, paused) -> None:
    ann = get_user_model().objects.create_user("ann")
    client.force_login(ann)
    job = job_claim(job_create(ENCODE, JobParameters(), owner=ann).pk)
    make_documents(collection, 1)
    progress_forget()
    assert len(titles(client)) == 20
    assert job_finish(job, result={})
    assert len(titles(client)) == 21


def test_a_replica_that_is_too_far_behind_is_not_read_and_metrics_say_so(
    client, collection, paused, monkeypatch
) -> None:
    monkeypatch.setattr(settings, "CONFIG", replace(settings.CONFIG, database_read_delay_seconds=0.2))
    make_documents(collection, 1)
    time.sleep(0.3)
    progress_forget()
    assert read(Document.objects.count) == 21
    gauges_forget()
    lines = client.get("/metrics").content.decode().splitlines()
    said = dict(line.rsplit(" ", 1) for line in lines if line.startswith("sightline_replica_"))
    assert said["sightline_replica_answers"] == "1.0"
    assert float(said["sightline_replica_delay_seconds"]) > 0.2
    assert said["sightline_replica_delay_limit_seconds"] == "0.2"
    assert float(said["sightline_replica_behind_bytes"]) > 0
    paused()
    wait_for(lambda: progress().delay_seconds == 0)  # the primary writes by itself, too
    wait_for(_is_read_again)


def _is_read_again() -> bool:
    progress_forget()
    return read(Document.objects.first)._state.db == REPLICA


def test_a_replica_that_receives_nothing_since_its_start_is_not_read_however_new_it_believes_to_be(
    client, collection, second_server, monkeypatch
) -> None:
    for each in (connection, connections[REPLICA]):
        with each.cursor() as cursor:
            cursor.execute("CHECKPOINT")
    connections[REPLICA].close()
    second_server.end(signal.SIGINT)
    second_server.embedded.overrides["primary_conninfo"] = ""  # as after a lost slot, or another password
    second_server.start()
    try:
        make_documents(collection, 1)
        wait_for(
            lambda: progress().delay_seconds == math.inf
        )  # the primary writes its log soon after a commit
        progress_forget()
        assert read(Document.objects.count) == 21
        gauges_forget()
        assert "sightline_replica_delay_seconds +Inf" in client.get("/metrics").content.decode()
    finally:
        connections[REPLICA].close()
        second_server.end(signal.SIGINT)
        del second_server.embedded.overrides["primary_conninfo"]
        second_server.start()
        monkeypatch.setattr(reading, "_away_until", 0.0)
        caught_up()
    assert read(Document.objects.first)._state.db == REPLICA


@pytest.mark.parametrize(("replayed", "age", "behind"), [(5, None, math.inf), (5, 3.0, 3.0), (10, None, 0.0)])
def test_behind_for_an_unknown_time_is_behind_without_end(monkeypatch, replayed, age, behind) -> None:
    told = {"default": (10, None), REPLICA: (replayed, age)}
    monkeypatch.setattr(positions, "_asked", lambda alias, statement: told[alias])
    assert progress().delay_seconds == behind


def test_without_a_replica_nobodys_position_is_kept(clean_redis, monkeypatch) -> None:
    monkeypatch.delitem(connections.databases, REPLICA)
    own_writes_note(7)
    assert not clean_redis.keys("*own-writes*")


def test_no_request_fails_when_the_replica_dies_under_load_and_it_is_used_again(
    ask, collection, second_server, monkeypatch
) -> None:
    monkeypatch.setattr(reading, "AWAY_SECONDS", 0.2)
    stop, answered, failed = threading.Event(), [], []

    def load() -> None:
        try:
            while not stop.is_set():
                answered.append(len(ask().hits))
                assert len(titles(Client())) == 20
        except Exception as error:  # noqa: BLE001  whatever it is, it is a failure
            failed.append(error)
        finally:
            connections.close_all()

    def more_answers() -> None:
        wanted = len(answered) + 8
        wait_for(lambda: failed or len(answered) >= wanted)

    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    more_answers()
    second_server.end()
    more_answers()
    assert reading._away_until > 0
    second_server.start()
    more_answers()
    wait_for(lambda: failed or reading._away_until < time.monotonic())
    more_answers()
    stop.set()
    for thread in threads:
        thread.join()

    assert not failed
    assert set(answered) == {5}
    connections[REPLICA].close()
    caught_up()
    assert read(Document.objects.first)._state.db == REPLICA
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'")
        assert cursor.fetchone()[0] == 1

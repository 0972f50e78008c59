"""The tables of vectors: made, found and dropped by one module, and never dropped from under a search."""

from __future__ import annotations

import threading
import time

import pytest
from django.db import connection, transaction

from retrieval_site.errors import AppError
from search.vectors import tables
from search.vectors.tables import VectorTable, table_create, table_drop, table_names
from tests.support.corpus import make_version

pytestmark = pytest.mark.django_db


def _storage(table: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attstorage, format_type(atttypid, atttypmod) FROM pg_attribute "
            "WHERE attrelid = %s::regclass AND attname = 'embedding'",
            [table],
        )
        return " ".join(cursor.fetchone())


def test_a_version_has_one_typed_table_per_modality_with_its_vectors_in_the_row():
    version = make_version(dim=1024)
    assert _storage(f"embedding_{version.pk}_passage") == "p halfvec(1024)"
    assert _storage(f"embedding_{version.pk}_image") == "p halfvec(1024)"


def test_making_the_tables_again_changes_nothing():
    version = make_version()
    assert table_create(version) == table_create(version)


def test_a_version_that_reads_no_text_has_no_table_of_passages():
    version = make_version(manifest={"modalities": ["image"]})
    assert VectorTable(version.pk, "image") in table_names()
    assert not VectorTable(version.pk, "passage").exists()


@pytest.mark.parametrize("dim", [0, 4001])
def test_a_dimension_that_no_index_takes_is_refused_in_a_sentence(dim):
    version = make_version(dim=16)
    version.dim = dim
    with pytest.raises(AppError, match="dimensions cannot be indexed") as caught:
        table_create(version)
    assert caught.value.id == "model.dimension"


def test_vectors_of_4000_dimensions_still_fit_into_a_page():
    import numpy as np

    from search.vectors.copy import vectors_write
    from tests.support.corpus import make_collection, make_documents, unit_rows

    version = make_version(dim=4000)
    passages = make_documents(make_collection(), 2)
    vectors = unit_rows(np.random.default_rng(0).normal(size=(2, 4000)))
    assert vectors_write(version, "passage", [passage.pk for passage in passages], vectors) == 2


def test_dropping_removes_both_tables_and_may_be_repeated():
    version = make_version()
    table_drop(version)
    table_drop(version)
    assert [table for table in table_names() if table.version_id == version.pk] == []


def test_dropping_leaves_the_callers_own_limit_for_locks_as_it_was():
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '7s'")
        table_drop(make_version())
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("7s",)


def test_dropping_a_table_that_has_no_foreign_key_locks_no_units():
    version = make_version(manifest={"modalities": ["image"]})
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE embedding_{version.pk}_passage (unit_id bigint)")
    table_drop(version)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relation::regclass::text FROM pg_locks"
            " WHERE pid = pg_backend_pid() AND mode = 'AccessExclusiveLock' AND relation::regclass::text ~ '^search_'"
        )
        assert cursor.fetchall() == [("search_documentimage",)]
    assert not VectorTable(version.pk, "passage").exists()


def test_deleting_a_document_deletes_its_vectors_under_every_version():
    from search.models import Document
    from tests.support.corpus import clustered, make_collection, make_documents, store

    versions = [make_version(), make_version()]
    passages = make_documents(make_collection(), 3)
    for version in versions:
        store(version, passages, clustered(3, 16))
    Document.objects.filter(pk=passages[0].document_id).delete()
    for version in versions:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT unit_id FROM embedding_{version.pk}_passage ORDER BY 1")
            assert [row for (row,) in cursor.fetchall()] == [passages[1].pk, passages[2].pk]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("order", [("passage", "documentimage"), ("documentimage", "passage")])
def test_dropping_and_writing_never_wait_for_each_other_in_a_circle(order):
    """Whoever saves a document locks its units' tables in an order of their own."""
    version, first = make_version(), threading.Event()
    ended = []

    def write() -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"LOCK TABLE search_{order[0]} IN ROW SHARE MODE")
                first.set()
                time.sleep(0.5)  # until dropping has the other lock, and waits
                cursor.execute(f"LOCK TABLE search_{order[1]} IN ROW SHARE MODE")
                time.sleep(1.2)
            ended.append("written")
        finally:
            connection.close()

    thread = threading.Thread(target=write)
    thread.start()
    first.wait(10)
    table_drop(version)
    thread.join()
    assert ended == ["written"]
    assert not VectorTable(version.pk, "passage").exists()


@pytest.mark.django_db(transaction=True)
def test_dropping_gives_up_in_a_sentence_while_a_search_reads_the_table(monkeypatch):
    monkeypatch.setattr(tables, "DROP_LOCK_TIMEOUT_SECONDS", 0.2)
    version = make_version()
    reading, done = threading.Event(), threading.Event()

    def search() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM embedding_{version.pk}_passage")
            reading.set()
            done.wait(10)
        connection.close()

    thread = threading.Thread(target=search)
    thread.start()
    reading.wait(10)
    with pytest.raises(AppError) as caught:
        table_drop(version)
    assert (caught.value.id, caught.value.status) == ("vectors.in_use", 409)
    done.set()
    thread.join()
    table_drop(version)
    assert not VectorTable(version.pk, "passage").exists()


@pytest.mark.django_db(transaction=True)
def test_a_table_that_somebody_else_drops_meanwhile_is_no_error():
    version, locked = make_version(), threading.Event()

    def drop() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE embedding_{version.pk}_passage")
            locked.set()
            time.sleep(0.5)  # until the other one waits
            cursor.execute(f"DROP TABLE embedding_{version.pk}_passage")
        connection.close()

    thread = threading.Thread(target=drop)
    thread.start()
    locked.wait(10)
    table_drop(version)
    thread.join()
    assert [table for table in table_names() if table.version_id == version.pk] == []

"""Writing vectors: exactly once, exact to half precision, whatever happens to the units meanwhile."""

from __future__ import annotations

import threading

import numpy as np
import psycopg
import pytest
from django.db import DatabaseError, connection, transaction
from pgvector import HalfVector

from retrieval_site.errors import AppError
from search.models import Document
from search.vectors.copy import vectors_write
from tests.support.corpus import clustered, make_collection, make_documents, make_version

pytestmark = pytest.mark.django_db


def _rows(version):
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT unit_id, document_id, collection_id, embedding FROM embedding_{version.pk}_passage ORDER BY 1"
        )
        return cursor.fetchall()


def _ids(passages):
    return [passage.pk for passage in passages]


def test_vectors_come_back_as_the_nearest_half_floats():
    version, collection = make_version(dim=37), make_collection()
    passages, vectors = make_documents(collection, 1500), clustered(1500, 37)
    assert vectors_write(version, "passage", _ids(passages), vectors) == 1500
    stored = _rows(version)
    assert [row[:3] for row in stored] == [
        (passage.pk, passage.document_id, collection.pk) for passage in passages
    ]
    np.testing.assert_array_equal(
        np.array([HalfVector.from_text(row[3]).to_numpy() for row in stored]), vectors.astype(np.float16)
    )


def test_each_row_looks_up_its_own_document_where_statistics_tell_of_none():
    version, collection, count = make_version(), make_collection(), 2000
    deleted = transaction.savepoint()
    make_documents(collection, count)
    transaction.savepoint_rollback(deleted)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE search_document; ANALYZE search_passage")
        cursor.execute("SELECT reltuples FROM pg_class WHERE relname = 'search_document' AND relpages > 0")
        assert cursor.fetchall() == [(0,)]
    passages = make_documents(collection, count)
    before = _rows_read()
    assert vectors_write(version, "passage", _ids(passages), clustered(count, 16)) == count
    read = {table: rows - before.get(table, 0) for table, rows in _rows_read().items()}
    assert len(read) == 3
    assert all(count <= rows <= 3 * count for rows in read.values())


def _rows_read():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_all_tables "
            "WHERE relname IN ('search_document', 'search_passage', 'vectors_incoming_16')"
        )
        return dict(cursor.fetchall())


def test_a_vector_that_is_there_already_is_kept():
    version, passages = make_version(), make_documents(make_collection(), 4)
    first = clustered(4, 16, seed=1)
    assert vectors_write(version, "passage", _ids(passages[:3]), first[:3]) == 3
    before = _rows(version)
    assert vectors_write(version, "passage", _ids(passages), clustered(4, 16, seed=2)) == 1
    assert _rows(version)[:3] == before


def test_a_unit_that_was_deleted_meanwhile_does_not_fail_the_batch():
    version, passages = make_version(), make_documents(make_collection(), 3)
    ids = _ids(passages)
    Document.objects.filter(pk=passages[1].document_id).delete()
    assert vectors_write(version, "passage", ids, clustered(3, 16)) == 2


def test_no_vectors_are_no_work():
    assert vectors_write(make_version(), "passage", [], np.zeros((0, 16), dtype=np.float32)) == 0


@pytest.mark.parametrize(
    ("vectors", "error_id"),
    [
        (np.zeros((1, 15)), "vectors.shape"),
        (np.zeros((2, 16)), "vectors.shape"),
        (np.full((1, 16), np.nan), "vectors.not_finite"),
        (np.full((1, 16), 1e5), "vectors.not_finite"),
    ],
)
def test_vectors_that_cannot_be_right_are_refused(vectors, error_id):
    version, passages = make_version(), make_documents(make_collection(), 1)
    with pytest.raises(AppError) as caught:
        vectors_write(version, "passage", _ids(passages), vectors.astype(np.float32))
    assert caught.value.id == error_id


def test_what_the_database_refuses_while_copying_comes_as_djangos_error(monkeypatch):
    version, passages = make_version(), make_documents(make_collection(), 1)
    monkeypatch.setattr("search.vectors.copy.copy_rows", lambda *_: [b"no rows"])
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        vectors_write(version, "passage", _ids(passages), clustered(1, 16))
    assert isinstance(caught.value.__cause__, psycopg.errors.BadCopyFileFormat)


@pytest.mark.django_db(transaction=True)
def test_a_unit_that_is_being_deleted_at_this_moment_is_passed_over():
    version, passages = make_version(), make_documents(make_collection(), 3)
    deleted, commit = threading.Event(), threading.Event()

    def delete() -> None:
        with transaction.atomic():
            Document.objects.filter(pk=passages[0].document_id).delete()
            deleted.set()
            commit.wait(10)
        connection.close()

    thread = threading.Thread(target=delete)
    thread.start()
    deleted.wait(10)
    threading.Timer(0.3, commit.set).start()
    assert vectors_write(version, "passage", _ids(passages), clustered(3, 16)) == 2
    thread.join()

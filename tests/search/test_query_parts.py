"""Kept searches of before the parts had rows: nothing is lost on the way there, nor on the way back."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from search.models import Query
from tests.support.corpus import make_collection, make_documents
from tests.support.queries import make_query
from workers.storage.blobs import blob_store
from workers.storage.sweeping import blob_remove_unused

pytestmark = pytest.mark.django_db
COLUMNS = (
    "SELECT id, modality, text, document_id, preview_id, embedding, answer FROM search_query ORDER BY id"
)


def migrate(to: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with pending checks cannot be altered
    MigrationExecutor(connection).migrate([("search", to)])


def steps() -> tuple[str, str, str]:
    """The migration before the parts, theirs, and the newest."""
    graph = MigrationExecutor(connection).loader.graph
    (newest,) = graph.leaf_nodes("search")
    plan = [name for app, name in graph.forwards_plan(newest) if app == "search"]
    parts = next(name for name in plan if name.endswith("_query_parts"))
    return plan[plan.index(parts) - 1], parts, newest[1]


def asked():
    """One search of each kind, and one that has lost its document."""
    (passage,) = make_documents(make_collection(), 1)
    photo = blob_store(b"a photo", "image/jpeg")
    return [
        make_query(modality="text", text="a pump"),
        make_query(modality="image", preview=photo, embedding=b"\1\2\3\4"),
        make_query(modality="document", document=passage.document, answer=[{"document": 7, "score": 0.5}]),
        make_query(modality="embedding", embedding=b"\5\6\7\x08"),
        make_query(modality="document"),
    ]


def said(query: Query):
    part = query.part
    return query.pk, part.modality, part.text, part.document_id, part.preview_id, part.weight, part.place


def test_back_to_columns_and_forth_to_rows_keeps_every_search_with_what_it_asked():
    queries = asked()
    expected = sorted(said(query) for query in queries)
    before, _, newest = steps()
    migrate(before)
    with connection.cursor() as cursor:
        cursor.execute(COLUMNS)
        rows = cursor.fetchall()
        cursor.execute("SELECT to_regclass('search_querypart')")
        assert cursor.fetchone() == (None,)
        cursor.execute("UPDATE search_query SET text = 'a red pump' WHERE text = 'a pump'")
    assert [row[:5] for row in rows] == [row[:5] for row in expected]
    assert sorted(bytes(row[5]) for row in rows if row[5]) == [b"\1\2\3\4", b"\5\6\7\x08"]
    migrate(newest)
    after = sorted(said(query) for query in Query.objects.all())
    assert after == [(row[0], row[1], row[2].replace("a pump", "a red pump"), *row[3:]) for row in expected]


def test_a_photo_of_a_kept_search_is_no_unused_file_and_goes_with_the_search():
    query = make_query(modality="image", preview=blob_store(b"a photo", "image/jpeg"))
    sha256 = query.part.preview_id
    assert not blob_remove_unused(sha256)
    query.delete()
    assert blob_remove_unused(sha256)


def test_a_document_that_is_deleted_leaves_the_search_and_its_part():
    (passage,) = make_documents(make_collection(), 1)
    query = make_query(modality="document", document=passage.document)
    passage.document.delete()
    assert said(Query.objects.get(pk=query.pk))[1:4] == ("document", "", None)

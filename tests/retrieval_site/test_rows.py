"""Instances out of plain SQL: the same as a queryset's."""

from __future__ import annotations

import pytest
from django.db import connection
from django.forms import model_to_dict

from retrieval_site.rows import columns, insert
from search.models import Document, Query, QueryPart
from tests.support.corpus import make_collection, make_documents

pytestmark = pytest.mark.django_db


def _read(model, alias, pk):
    parts = columns(model, alias)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {parts.sql}, 'more' FROM {model._meta.db_table} {alias} WHERE id = %s", [pk])
        own, rest = parts.split(cursor.fetchone())
    assert rest == ("more",)
    return parts.instance(own)


def test_an_instance_is_the_one_that_a_queryset_gives_json_and_arrays_included(django_assert_num_queries):
    fields = {"metadata": {"part": ["7", None]}, "tags": ["pump", "seal"], "url": "https://example.org/1"}
    (passage,) = make_documents(make_collection(), 1, **fields)
    wanted = Document.objects.get(pk=passage.document_id)
    found = _read(Document, "d", wanted.pk)
    with django_assert_num_queries(0):  # no field is left to be fetched later
        assert model_to_dict(found) == model_to_dict(wanted)
        assert (found.created_at, found.metadata["part"]) == (wanted.created_at, ["7", None])


def test_an_instance_can_be_saved_again():
    query = Query.objects.create(session="ab12", answer=[{"document": 1}])
    found = _read(Query, "q", query.pk)
    found.session = "cd34"
    found.save()
    query.refresh_from_db()
    assert (query.session, query.answer) == ("cd34", [{"document": 1}])


def test_a_row_that_is_inserted_is_the_one_that_would_have_been_saved():
    (passage,) = make_documents(make_collection(), 1)
    fields = {
        "session": "ab12",
        "collections": [passage.document.collection.slug],
        "plan": {"kind": "exact"},
        "answer": [{"document": 1, "score": 0.5}],
    }
    saved, row = Query.objects.create(**fields), Query(**fields)
    insert(row)
    assert_same(row, saved)
    assert Query.objects.get(pk=row.pk).created_at == row.created_at
    row.session = "cd34"
    row.save()
    assert Query.objects.get(pk=row.pk).session == "cd34"


def test_a_row_with_bytes_and_a_foreign_key_is_inserted_as_it_would_have_been_saved():
    query = Query.objects.create(session="ab12")
    fields = {"query": query, "weight": -0.5, "embedding": b"\x00\x01"}
    saved, row = (
        QueryPart.objects.create(**fields, place=0),
        QueryPart(**fields, place=1),
    )
    insert(row)
    assert_same(row, saved, "place")
    assert bytes(QueryPart.objects.get(pk=row.pk).embedding) == b"\x00\x01"


def assert_same(row, saved, *others):
    first, second = (
        model_to_dict(type(kept).objects.get(pk=kept.pk), exclude=["id", *others]) for kept in (row, saved)
    )
    assert first == second

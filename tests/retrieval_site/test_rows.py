"""Instances out of plain SQL: the same as a queryset's."""

from __future__ import annotations

import pytest
from django.db import connection
from django.forms import model_to_dict

from retrieval_site.rows import columns, insert
from search.models import Document, Query
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
    parts = {
        "session": "ab12",
        "collections": [passage.document.collection.slug],
        "plan": {"kind": "exact"},
    }
    saved = Query.objects.create(**parts, embedding=b"\x00\x01", answer=[{"document": 1, "score": 0.5}])
    row = Query(**parts, embedding=b"\x00\x01", answer=[{"document": 1, "score": 0.5}])
    insert(row)
    found = Query.objects.get(pk=row.pk)
    assert model_to_dict(found, exclude=["id"]) == model_to_dict(
        Query.objects.get(pk=saved.pk), exclude=["id"]
    )
    assert found.created_at == row.created_at
    row.session = "cd34"
    row.save()
    assert Query.objects.get(pk=row.pk).session == "cd34"

"""The fields of a collection stay in step with its documents."""

from __future__ import annotations

import pytest

from search.models import FieldValue
from search.services import fields
from search.services.document_fields import DocumentFields
from search.services.documents import document_save, documents_delete
from search.services.fields import fields_count
from tests.support.corpus import make_collection

pytestmark = pytest.mark.django_db


@pytest.fixture
def collection():
    return make_collection()


def save(collection, name="a", *, tags=(), **metadata):
    return document_save(
        collection=collection,
        external_id=name,
        fields=DocumentFields(title=name, tags=tags, metadata=metadata),
    )[0]


def types(collection):
    return dict(collection.fields.values_list("name", "type"))


def test_a_saved_document_makes_its_fields_known_with_their_types(collection) -> None:
    save(collection, tags=("pump",), maker="Wilo", year=1990, seen="2026-01-31", tested=True)
    assert types(collection) == {
        "tags": "string",
        "metadata.maker": "string",
        "metadata.year": "number",
        "metadata.seen": "date",
        "metadata.tested": "boolean",
    }


def test_a_field_whose_values_are_of_two_types_is_a_string(collection) -> None:
    save(collection, "a", size=1)
    save(collection, "b", size="large")
    assert types(collection) == {"metadata.size": "string"}
    save(collection, "b", size=2)
    assert types(collection) == {"metadata.size": "string"}
    fields_count()
    assert types(collection) == {"metadata.size": "number"}


def test_counting_finds_boolean_and_date_fields_again(collection) -> None:
    save(collection, tested=True, seen="2026-01-31", maker="Wilo")
    fields_count()
    assert types(collection) == {
        "metadata.tested": "boolean",
        "metadata.seen": "date",
        "metadata.maker": "string",
    }


def test_a_changed_document_has_its_new_values_only(collection) -> None:
    document = save(collection, tags=("a", "b"), maker="Wilo")
    save(collection, tags=("b", "c"), maker="Lowara")
    held = FieldValue.objects.filter(document=document).values_list("value", flat=True)
    assert sorted(held) == ["Lowara", "b", "c"]


def test_fields_are_counted_where_documents_were_written_or_deleted(collection) -> None:
    first = save(collection, "a", maker="Wilo")
    save(collection, "b", maker="Wilo")
    save(collection, "c", maker="Lowara")
    fields_count()
    maker = collection.fields.get()
    assert (maker.documents, maker.distinct_values, maker.stale) == (3, 2, False)
    documents_delete(documents=[first.pk])
    assert collection.fields.get().stale
    fields_count()
    assert collection.fields.get().documents == 2


def test_a_field_without_documents_counts_none_and_keeps_its_type(collection) -> None:
    documents_delete(documents=[save(collection, year=1990).pk])
    fields_count()
    year = collection.fields.get()
    assert (year.documents, year.distinct_values, year.type) == (0, 0, "number")


def test_fields_beyond_the_most_are_left_out(collection, monkeypatch) -> None:
    monkeypatch.setattr(fields, "FIELDS_MAX", 2)
    save(collection, a=1, b=2, c=3)
    save(collection, "next", c=4, b="x")
    assert types(collection) == {"metadata.a": "number", "metadata.b": "string"}

"""What curators say of fields: how they are shown, and which values are refused."""

from __future__ import annotations

import pytest
from django.core.files.base import ContentFile

from retrieval_site.errors import AppError
from search.curating.actions import detail_read
from search.curating.fields import FieldSetup, field_set_up, fields_ordered
from search.curating.start import change_start, picked_documents
from search.importers.types import ImportOptions
from search.models import CollectionField, Document
from search.services.fields import fields_count
from search.services.imports import import_start
from tests.support.pages import save_document
from workers.jobs.runner import run_job_inline

pytestmark = pytest.mark.django_db


def set_up(collection, name="metadata.state", **setup) -> CollectionField:
    return field_set_up(collection=collection, name=name, setup=FieldSetup(**setup))


def test_a_value_outside_the_vocabulary_is_refused_wherever_it_is_saved(notes, ann):
    set_up(notes, label="State", vocabulary=("new", "worn"))
    document = save_document(notes, "a", title="Pump", metadata={"state": "worn"})
    for wrong in ("broken", {"deep": 1}, ["new", "broken"], "x" * 300):
        with pytest.raises(AppError, match=r"field\.(not_in_vocabulary|wrong_type)"):
            save_document(notes, "b", title="Pump", metadata={"state": wrong})
    detail = detail_read("set_field", {"key": "state", "value": "broken"}, notes, ann)
    picked = picked_documents(notes, [document.pk])
    done = change_start(collection=notes, action="set_field", detail=detail, documents=picked, by=ann)
    change = done.changes.get()
    assert (change.state, change.reason) == ("left", "field.not_in_vocabulary")
    assert change.message == "“broken” is not in the vocabulary of the field “State”."


def test_tags_can_have_a_vocabulary_and_fields_a_type(notes):
    set_up(notes, "tags", vocabulary=("red",))
    set_up(notes, "metadata.year", wanted_type="number")
    save_document(notes, "a", title="Pump", tags=["red"], metadata={"year": "1990"})
    with pytest.raises(AppError, match=r"field\.not_in_vocabulary"):
        save_document(notes, "b", title="Pump", tags=["red", "blue"])
    with pytest.raises(AppError, match=r"field\.wrong_type"):
        save_document(notes, "b", title="Pump", metadata={"year": "long ago"})


def test_an_import_leaves_out_the_document_and_stores_the_others(notes, ann):
    set_up(notes, vocabulary=("new",))
    lines = b'{"id": "a", "title": "A", "metadata": {"state": "odd"}}\n{"id": "b", "title": "B"}\n'
    for dry_run in (True, False):
        file = ContentFile(lines, "notes.jsonl")
        job = run_job_inline(
            import_start(collection=notes, file=file, options=ImportOptions(), dry_run=dry_run, owner=ann)
        )
        assert (job.result["new"], job.result["failed"]) == (1, 1)
        assert job.items.get().error_id == "field.not_in_vocabulary"
    assert Document.objects.get().external_id == "b"


def test_a_document_that_moves_obeys_the_collection_that_it_comes_to(notes, other, ann):
    set_up(other, vocabulary=("new",))
    document = save_document(notes, "a", title="Pump", metadata={"state": "odd"})
    picked = picked_documents(notes, [document.pk])
    done = change_start(
        collection=notes, action="move", detail={"collection": other.pk}, documents=picked, by=ann
    )
    assert done.changes.get().reason == "field.not_in_vocabulary"


def test_the_setup_survives_counting_and_writing_and_says_the_order(notes):
    save_document(notes, "a", title="Pump", metadata={"state": "new", "maker": "ACME"})
    set_up(notes, label="State of it", place=1, is_facet=False, vocabulary=("new", "worn"))
    save_document(notes, "b", title="Pump", metadata={"state": "worn", "maker": "ACME"})
    fields_count()
    first, *_ = fields_ordered(notes)
    assert (first.name, first.label, first.is_facet, first.documents) == (
        "metadata.state",
        "State of it",
        False,
        2,
    )


@pytest.mark.parametrize(
    ("name", "setup", "error"),
    [
        ("metadata.", {}, "field.name"),
        ("metadata.a\0", {}, "field.name"),
        ("title", {}, "field.name"),
        ("metadata.a", {"label": "x" * 101}, "field.setup"),
        ("metadata.a", {"place": -1}, "field.setup"),
        ("metadata.a", {"wanted_type": "odd"}, "field.setup"),
        ("metadata.a", {"vocabulary": ("x" * 201,)}, "field.setup"),
        ("metadata.a", {"vocabulary": tuple(map(str, range(1001)))}, "field.setup"),
    ],
)
def test_what_cannot_be_a_setup_is_refused(notes, name, setup, error):
    with pytest.raises(AppError) as refused:
        set_up(notes, name, **setup)
    assert refused.value.id == error
    assert not CollectionField.objects.exists()

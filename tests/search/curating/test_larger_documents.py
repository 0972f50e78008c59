"""Documents that were made of files may be longer than others, however they are changed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.core.files.base import ContentFile
from django.urls import reverse

from retrieval_site.accounts.models import User
from retrieval_site.errors import AppError
from search.curating.editing import document_edit
from search.curating.start import change_start, change_undo, merge_start, picked_documents
from search.models import Collection, Document, DocumentFile
from search.services import document_fields
from search.services.document_fields import DocumentFields
from search.services.document_files import FileContent
from search.services.documents import DocumentRecord, documents_save
from tests.support.pages import picture_bytes, save_document
from workers.storage.blobs import blob_store

pytestmark = pytest.mark.django_db
LONG = "The seal of the pump leaks since Monday."


@pytest.fixture
def manual(notes, monkeypatch) -> Document:
    """A document of a file, longer and with more pictures than one without may be."""
    images = tuple(
        document_fields.image_input(picture_bytes(colour), notes) for colour in ("red", "green", "blue")
    )
    file = FileContent("manual.pdf", "pdf", sha256="0" * 64, size=9)
    record = DocumentRecord("manual.pdf", DocumentFields("Manual", LONG), images, file)
    documents_save(collection=notes, records=[record])
    monkeypatch.setattr(document_fields, "BODY_CHARACTERS_MAX", 20)
    monkeypatch.setattr(document_fields, "IMAGES_MAX", 2)
    return Document.objects.get()


def test_a_long_document_of_a_file_is_changed_and_taken_back(notes, ann, manual):
    picked = picked_documents(notes, [manual.pk])
    detail = {"tags": ["old"]}
    done = change_start(collection=notes, action="add_tags", detail=detail, documents=picked, by=ann)
    assert done.changes.get().state == "done"
    assert change_undo(change_set=done, by=ann).changes.get().state == "done"


def test_a_long_document_of_a_file_takes_over_what_another_has(notes, ann, manual):
    twin = save_document(notes, "b", title="Pump", tags=["old"])
    done = merge_start(collection=notes, keep=manual.pk, ids=[twin.pk], by=ann)
    assert {one.state for one in done.changes.all()} == {"done"}
    manual.refresh_from_db()
    assert (manual.tags, manual.images.count()) == (["old"], 3)


def test_a_long_document_of_a_file_is_edited_and_no_other_one(notes, ann, manual):
    fields = DocumentFields("A manual", LONG)
    edited = document_edit(collection=notes, external_id="manual.pdf", fields=fields, by=ann)
    assert (edited.title, edited.body) == ("A manual", LONG)
    with pytest.raises(AppError, match=r"document\.body_too_long"):
        document_edit(collection=notes, external_id="other", fields=fields, by=ann)


def test_the_admins_form_saves_a_long_document_of_a_file(ann, manual, client):
    User.objects.filter(pk=ann.pk).update(is_staff=True)
    client.force_login(ann)
    form = {"title": "A manual", "body": LONG, "metadata": "{}", "tags": ""}
    answer = client.post(reverse("admin:search_document_change", args=[manual.pk]), form)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    manual.refresh_from_db()
    assert (manual.title, manual.body, manual.images.count()) == ("A manual", LONG, 3)


def test_a_file_that_comes_again_is_kept_since_its_collection_keeps_files(notes):
    blob = blob_store(ContentFile(b"a manual"), "application/octet-stream")
    file = FileContent("manual.pdf", "pdf", sha256=blob.pk, size=8)
    record = DocumentRecord("manual.pdf", DocumentFields("Manual"), (), file)
    documents_save(collection=notes, records=[record])
    again = replace(record, file=replace(file, blob_id=blob.pk))
    Collection.objects.filter(pk=notes.pk).update(keep_files=True)
    assert documents_save(collection=notes, records=[again]) == ["unchanged"]
    assert DocumentFile.objects.get().blob_id == blob.pk

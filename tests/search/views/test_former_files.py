"""Former versions of a document's file: for its curators, wherever the document is."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.urls import reverse

from search.curating.editing import document_trash
from search.curating.start import change_undo
from search.curating.trash import trash_empty
from search.models import ChangeSet, Document, DocumentFile, Membership
from search.services.document_fields import DocumentFields
from search.services.document_files import FileContent
from search.services.documents import DocumentRecord, documents_save
from tests.support.corpus import make_collection
from workers.storage.blobs import blob_store
from workers.storage.sweeping import blob_remove_unused

pytestmark = pytest.mark.django_db


@pytest.fixture
def notes():
    return make_collection("notes")


@pytest.fixture
def ann(notes) -> User:
    user = User.objects.create(username="ann")
    Membership.objects.create(collection=notes, user=user, role="curator")
    return user


def saved(collection, content: bytes) -> Document:
    blob = blob_store(ContentFile(content), "application/octet-stream")
    file = FileContent("manual.pdf", "pdf", blob.pk, len(content), blob.pk)
    record = DocumentRecord("a", DocumentFields(title=f"Manual {content.decode()}"), file=file)
    documents_save(collection=collection, records=[record])
    return Document.objects.get()


@pytest.fixture
def manual(notes) -> Document:
    """A document whose file was replaced once."""
    saved(notes, b"first")
    return saved(notes, b"second")


def former_address(manual: Document) -> str:
    former = DocumentFile.objects.exclude(replaced_at=None).get(document=manual)
    return reverse("search:former-file", args=[manual.pk, former.pk])


def test_curators_find_and_download_what_was_replaced(manual, ann, client):
    client.force_login(ann)
    address = former_address(manual)
    page = client.get(reverse("search:document", args=[manual.pk])).content.decode()
    assert address in page
    sent = client.get(address)
    assert b"".join(sent.streaming_content) == b"first"
    assert "attachment" in sent["Content-Disposition"]
    assert b"".join(client.get(reverse("search:file", args=[manual.pk])).streaming_content) == b"second"


def test_others_see_the_current_file_alone(manual, client):
    for user in (None, User.objects.create(username="ben")):
        if user:
            client.force_login(user)
        assert (
            "Former versions" not in client.get(reverse("search:document", args=[manual.pk])).content.decode()
        )
        assert client.get(former_address(manual)).status_code == 404
        assert client.get(reverse("search:file", args=[manual.pk])).status_code == 200


def test_the_current_file_is_no_former_one(manual, ann, client):
    client.force_login(ann)
    current = DocumentFile.objects.get(document=manual, replaced_at=None)
    assert client.get(reverse("search:former-file", args=[manual.pk, current.pk])).status_code == 404


def test_they_go_to_the_trash_come_back_and_are_swept_with_the_document(manual, ann, client):
    client.force_login(ann)
    address, former = former_address(manual), DocumentFile.objects.exclude(replaced_at=None).get().sha256
    document_trash(document=manual, by=ann)
    assert client.get(address).status_code == 404
    assert not blob_remove_unused(former)
    change_undo(change_set=ChangeSet.objects.get(), by=ann)
    assert client.get(address).status_code == 200
    document_trash(document=Document.objects.get(), by=ann)
    trash_empty(collection=manual.collection)
    assert blob_remove_unused(former)

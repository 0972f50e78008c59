"""Former versions of a document's file: for its curators, wherever the document is."""

from __future__ import annotations

import pytest
from django.core.files.base import ContentFile
from django.urls import reverse

from retrieval_site.accounts.models import User
from retrieval_site.errors import AppError
from search.curating.editing import document_trash
from search.curating.former_files import former_file_erase
from search.curating.start import change_undo
from search.curating.trash import trash_empty
from search.models import AuditEntry, ChangeSet, Document, DocumentFile, Membership
from search.services.document_fields import DocumentFields
from search.services.document_files import FileContent
from search.services.documents import DocumentRecord, documents_save
from tests.support.corpus import make_collection
from workers.models import Blob
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


def erase_address(manual: Document) -> str:
    former = DocumentFile.objects.exclude(replaced_at=None).get(document=manual)
    return reverse("search:former-file-erase", args=[manual.pk, former.pk])


def test_a_former_version_is_erased_after_a_question_and_its_bytes_go(
    manual, ann, client, django_capture_on_commit_callbacks
):
    client.force_login(ann)
    address, blob = erase_address(manual), DocumentFile.objects.exclude(replaced_at=None).get().sha256
    assert address in client.get(reverse("search:document", args=[manual.pk])).content.decode()
    assert "Erase this former version?" in client.get(address).content.decode()
    assert Blob.objects.filter(pk=blob).exists()
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post(address)["Location"] == reverse("search:document", args=[manual.pk])
    assert not Blob.objects.filter(pk=blob).exists()
    assert [file.replaced_at for file in manual.files.all()] == [None]
    assert client.post(address).status_code == 404
    noted = ChangeSet.objects.get()
    assert (noted.action, noted.by, noted.changes.get().document_id) == ("erase_file", ann, manual.pk)
    assert noted.changes.get().before["former_file"].startswith("manual.pdf, until ")
    logged = AuditEntry.objects.get(action="documents.changed", detail__change_set=noted.pk)
    assert (logged.actor, logged.detail["change"]) == ("ann", "erase_file")
    with pytest.raises(AppError, match=r"curating\.nothing_to_undo"):
        change_undo(change_set=noted, by=ann)
    shown = client.get(reverse("search:curate-change", args=["notes", noted.pk])).content.decode()
    assert "Former version of the file" in shown
    assert "Take it back" not in shown


def test_bytes_that_another_document_has_stay(manual, notes, ann, django_capture_on_commit_callbacks):
    former = DocumentFile.objects.exclude(replaced_at=None).get()
    file = FileContent("copy.pdf", "pdf", former.sha256, former.size, former.blob_id)
    documents_save(collection=notes, records=[DocumentRecord("b", DocumentFields(title="Copy"), file=file)])
    with django_capture_on_commit_callbacks(execute=True):
        former_file_erase(document=manual, file_id=former.pk, by=ann)
    assert Blob.objects.filter(pk=former.blob_id).exists()


def test_nobody_but_curators_erases_and_nobody_the_current_file(manual, ann, client):
    address = erase_address(manual)
    client.force_login(User.objects.create(username="ben"))
    assert [client.get(address).status_code, client.post(address).status_code] == [404, 404]
    current = manual.files.get(replaced_at=None)
    with pytest.raises(AppError, match=r"document\.file_not_found"):
        former_file_erase(document=manual, file_id=current.pk, by=ann)
    assert manual.files.count() == 2


def test_programs_list_and_erase_them(manual, ann, client):
    address = f"/api/v1/documents/{manual.pk}/former-files/"
    client.force_login(ann)
    (former,) = client.get(address).json()["results"]
    assert b"".join(client.get(former["url"]).streaming_content) == b"first"
    assert client.delete(f"{address}{former['id']}/").status_code == 204
    assert client.get(address).json()["results"] == []
    again = client.delete(f"{address}{former['id']}/")
    assert (again.status_code, again.json()["error"]["id"]) == (404, "document.file_not_found")

"""Whoever is deleted in the admin is erased, as by the command."""

from __future__ import annotations

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from retrieval_site.accounts.models import User
from search.models import AuditEntry, Judgement, Query, ResumableUpload
from search.services.members import members_replace
from search.services.resumable_uploads import upload_path
from tests.support.corpus import make_collection, make_documents
from tests.support.pages import kept_query, shown_page
from workers.storage.blobs import blob_store

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss() -> User:
    return User.objects.create_superuser("boss")


@pytest.fixture
def admin(boss) -> Client:
    client = Client()
    client.force_login(boss)
    return client


def delete(admin: Client, how: str, *people: User):
    if how == "page":
        return admin.post(reverse("admin:accounts_user_delete", args=[people[0].pk]), {"post": "yes"})
    chosen = {
        "action": "delete_selected",
        "_selected_action": [person.pk for person in people],
        "post": "yes",
    }
    return admin.post(reverse("admin:accounts_user_changelist"), chosen)


@pytest.mark.parametrize("how", ["page", "list"])
def test_deleting_a_person_erases_what_is_kept_of_them(admin, boss, settings, tmp_path, how):
    settings.DATA_DIR = tmp_path
    anna = User.objects.create_user("anna")
    documents = [passage.document for passage in make_documents(make_collection(), 2)]
    members_replace(collection=documents[0].collection, role="reader", names=["anna"])
    mine, theirs = kept_query(documents, user=anna), kept_query(documents, user=boss)
    photo = blob_store(b"a small photo", "image/jpeg")
    mine.parts.update(preview=photo)
    Judgement.objects.create(query=theirs, document=documents[0], user=anna, grade=3, comment="says anna")
    upload = ResumableUpload.objects.create(
        user=anna, collection=documents[0].collection, name="a.zip", length=9, expires_at=timezone.now()
    )
    upload_path(upload).parent.mkdir()
    upload_path(upload).write_bytes(b"half")
    confirm = shown_page(admin.get(reverse("admin:accounts_user_delete", args=[anna.pk])))
    chosen = {"action": "delete_selected", "_selected_action": [anna.pk]}
    confirm_list = shown_page(admin.post(reverse("admin:accounts_user_changelist"), chosen))
    assert "searches: 1" in confirm.casefold()
    assert "what they judged stays" in confirm
    assert "what they judged stays" in confirm_list
    assert delete(admin, how, anna).status_code == 302
    assert not User.objects.filter(username="anna").exists()
    assert Query.objects.get() == theirs
    assert not default_storage.exists(photo.storage_name)
    assert not upload_path(upload).exists()
    kept = Judgement.objects.get()
    assert (kept.user, kept.comment, kept.grade) == (None, "", 3)
    said = [f"{row.actor} {row.target_name} {row.detail}" for row in AuditEntry.objects.all()]
    assert "anna" not in " ".join(said)
    assert AuditEntry.objects.filter(action="person.erased", actor="boss").exists()


@pytest.mark.parametrize("how", ["page", "list"])
def test_the_last_administrators_stay(admin, boss, how):
    other = User.objects.create_superuser("other", is_active=False)
    answer = delete(admin, how, boss, other)
    assert answer.status_code == 200
    assert "This is the last administrator." in shown_page(answer)
    assert User.objects.filter(username="boss", is_active=True).exists()
    assert not AuditEntry.objects.filter(action="user.deleted").exists()
    User.objects.filter(pk=other.pk).update(is_active=True)
    if how == "page":
        assert delete(admin, how, boss).status_code == 302
        assert User.objects.get() == other

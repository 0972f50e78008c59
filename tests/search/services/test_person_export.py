"""What is kept of a person is taken out whole, and nothing of others."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO
from typing import Any

import pytest
from django.utils import timezone

from retrieval_site.accounts.models import User
from search.curating.start import merge_start
from search.models import (
    BatchPhoto,
    Invitation,
    Judgement,
    OpenedHit,
    PhotoBatch,
    ResumableUpload,
    SavedSearch,
    SearchFinding,
)
from search.services.person_export import person_export
from search.services.resumable_uploads import upload_path
from search.services.tokens import token_create
from tests.support.corpus import make_collection, make_documents
from tests.support.pages import kept_query, save_document
from workers.storage.blobs import blob_store

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna() -> User:
    return User.objects.create_user("anna", email="anna@a.example")


@pytest.fixture
def bert() -> User:
    return User.objects.create_user("bert")


@pytest.fixture
def documents():
    return [passage.document for passage in make_documents(make_collection(), 3)]


def exported(person: User) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    """The rows, and the files by their names."""
    file = BytesIO()
    rows = person_export(person=person, file=file)
    with zipfile.ZipFile(file) as archive:
        found = [json.loads(line) for line in archive.read("data.jsonl").splitlines()]
        assert rows == len(found)
        return found, {name: archive.read(name) for name in archive.namelist() if name != "data.jsonl"}


def test_an_export_has_all_of_a_person_and_nothing_of_others(anna, bert, documents):
    mine, theirs = kept_query(documents, user=anna), kept_query(documents, user=bert, text="of bert")
    mine.parts.update(preview=blob_store(b"a small photo", "image/jpeg"), embedding=b"1234")
    Judgement.objects.create(query=theirs, document=documents[0], user=anna, grade=3, comment="mine")
    Judgement.objects.create(query=theirs, document=documents[1], user=bert, grade=3, comment="not mine")
    token_create(user=anna, name="nightly", scopes=["read"])
    now = timezone.now()
    Invitation.objects.create(email="Anna@a.example", digest="x", sent_at=now, ends_at=now)
    rows, files = exported(anna)
    assert files == {f"photos/{mine.parts.get().pk}.jpg": b"a small photo"}
    assert {row["kind"] for row in rows} == {
        "accounts.User",
        "search.Query.user",
        "search.QueryPart",
        "search.Judgement.user",
        "search.ApiToken.user",
        "search.Invitation",
    }
    text = json.dumps(rows)
    assert "anna@a.example" in text
    assert "not mine" not in text
    assert "of bert" not in text
    assert anna.password not in text
    assert '"digest"' not in text


def test_an_export_has_what_belongs_to_a_persons_searches_batches_and_uploads(
    anna, bert, documents, settings, tmp_path
):
    settings.DATA_DIR = tmp_path
    places = {}
    for person, said in ((anna, b"mine"), (bert, b"theirs")):
        query = kept_query(documents, user=person)
        OpenedHit.objects.create(query=query, document=documents[0])
        saved = SavedSearch.objects.create(user=person, query=query, name="pumps")
        SearchFinding.objects.create(saved=saved, document=documents[1])
        sent, small = (blob_store(said + name, "image/jpeg") for name in (b" zip", b" photo"))
        batch = PhotoBatch.objects.create(user=person, name="holiday.zip", upload=sent)
        photo = BatchPhoto.objects.create(batch=batch, name="a/beach.jpg", preview=small)
        upload = ResumableUpload.objects.create(
            user=person, collection=documents[0].collection, name="a.zip", length=9, expires_at=timezone.now()
        )
        upload_path(upload).parent.mkdir(exist_ok=True)
        upload_path(upload).write_bytes(said)
        places[person] = (batch, photo, upload)
    rows, files = exported(anna)
    batch, photo, upload = places[anna]
    assert files == {
        f"batches/{batch.pk}/sent.zip": b"mine zip",
        f"batches/{batch.pk}/{photo.pk}.jpg": b"mine photo",
        f"uploads/{upload.pk}": b"mine",
    }
    kinds = [row["kind"] for row in rows]
    assert [kinds.count(f"search.{kind}") for kind in ("OpenedHit", "SearchFinding", "BatchPhoto")] == [
        1,
        1,
        1,
    ]
    assert next(row["name"] for row in rows if row["kind"] == "search.BatchPhoto") == "a/beach.jpg"


def test_an_export_has_the_copies_of_a_persons_judgements(anna, bert):
    notes = make_collection("notes")
    kept, twin = (save_document(notes, name, title="Pump") for name in "ab")
    query = kept_query([kept, twin])
    for person, comment in ((anna, "says anna"), (bert, "says bert")):
        Judgement.objects.create(query=query, document=twin, user=person, grade=3, comment=comment)
    merge_start(collection=notes, keep=kept.pk, ids=[twin.pk], by=bert)
    copies = [row for row in exported(anna)[0] if row["kind"] == "copy of search.Judgement.user"]
    assert {(row["document"], row["comment"]) for row in copies} == {
        (twin.pk, "says anna"),
        (kept.pk, "says anna"),
    }

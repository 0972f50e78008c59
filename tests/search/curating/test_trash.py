"""Documents in the trash are nowhere else, and come back whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from retrieval_site.accounts.models import User
from search.curating.keeping import DERIVED
from search.curating.start import change_start, change_undo, picked_documents, picked_trashed
from search.curating.trash import trash_end, trash_to_end
from search.job_types import EMPTY_TRASH
from search.models import (
    Collection,
    Document,
    DocumentFile,
    DocumentImage,
    DocumentPage,
    Judgement,
    JudgingPair,
    JudgingQueue,
    JudgingSkip,
    Passage,
    Query,
    QueryPart,
    SavedSearch,
    SearchFinding,
    TrashedBlob,
    TrashedDocument,
)
from search.services.collections import collection_delete
from search.services.document_fields import DocumentFields
from search.services.documents import document_save
from search.services.judgements import judgement_set
from tests.support.corpus import tiny_version
from tests.support.pages import kept_query, picture_bytes, save_document
from workers.jobs.daily import start_daily
from workers.jobs.runner import run_job_inline
from workers.storage.sweeping import blob_remove_unused

pytestmark = pytest.mark.django_db


def trash(collection: Collection, by: User, *documents: Document):
    picked = picked_documents(collection, [one.pk for one in documents])
    return change_start(collection=collection, action="trash", detail={}, documents=picked, by=by)


def restore(collection: Collection, by: User):
    picked = picked_trashed(collection, TrashedDocument.objects.values_list("pk", flat=True))
    return change_start(collection=collection, action="restore", detail={}, documents=picked, by=by)


def full_document(collection: Collection, by: User) -> Document:
    """A document that everything refers to that can."""
    document = save_document(
        collection,
        "KX-204",
        title="Zirconium pump",
        body="It leaks at the flange.",
        url="https://example.com/",
        tags=["red"],
        metadata={"site": "Hall 3"},
        pictures=[picture_bytes()],
    )
    query = kept_query([document])
    judgement_set(query_id=query.pk, document_id=document.pk, viewer=by, session="", grade=3, comment="yes")
    queue = JudgingQueue.objects.create(collection=collection, name="Pumps", source="file")
    pair = JudgingPair.objects.create(queue=queue, query=query, document=document, place=1)
    JudgingSkip.objects.create(pair=pair, user=by)
    saved = SavedSearch.objects.create(user=by, query=kept_query([document]), name="mine")
    SearchFinding.objects.create(saved=saved, document=document)
    file = document.images.get().blob
    DocumentFile.objects.create(
        document=document, name="a.pdf", kind="pdf", sha256="0" * 64, size=1, blob=file
    )
    DocumentPage.objects.create(document=document, number=1, blob=file, boxes=[[0, 1, 0.1, 0.2, 0.3, 0.4]])
    QueryPart.objects.create(query=query, place=1, modality="document", document=document)
    return document


def everything() -> dict[str, list[tuple[object, ...]]]:
    """Every row of the app's tables but for what is derived under new keys, and for the changes themselves."""
    left_out = {
        "changeset",
        "changeddocument",
        "trasheddocument",
        "trashedblob",
        "collectionfield",
        "auditentry",
    }
    return {
        model.__name__: sorted(map(str, model._base_manager.values_list()))
        for model in apps.get_app_config("search").get_models()
        if model._meta.model_name not in left_out and model not in DERIVED
    }


def rows_of_documents() -> dict[str, int]:
    """How many rows each table has that names a document by a column of this name."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.columns WHERE column_name = 'document_id' "
            "AND table_schema = current_schema() AND table_name <> ALL(%s)",
            [["search_changeddocument", "search_trasheddocument"]],
        )
        tables = [name for (name,) in cursor.fetchall()]
        counts = {}
        for table in tables:
            cursor.execute(f'SELECT count(document_id) FROM "{table}"')
            counts[table] = cursor.fetchone()[0]
    assert len(counts) > 8
    return counts


def test_a_document_in_the_trash_is_in_no_table_and_comes_back_whole(notes, ann, tmp_path):
    version = tiny_version(tmp_path)
    document = full_document(notes, ann)
    run_job_inline_encode()
    vectors, before = vector_rows(version), everything()
    assert len(vectors) == 2
    done = trash(notes, ann, document)
    assert set(rows_of_documents().values()) == {0}
    assert {one.state for one in done.changes.all()} == {"done"}
    restore(notes, ann)
    assert everything() == before
    run_job_inline_encode()
    assert vector_rows(version) == vectors
    assert not TrashedDocument.objects.exists()


def run_job_inline_encode() -> None:
    from search.services.documents import encode_soon

    assert run_job_inline(encode_soon()).state == "succeeded"


def vector_rows(version) -> list[tuple[object, ...]]:
    found = []
    with connection.cursor() as cursor:
        for kind in ("passage", "image"):
            cursor.execute(f"SELECT * FROM embedding_{version.pk}_{kind} ORDER BY unit_id")
            found += cursor.fetchall()
    return found


def test_nothing_that_can_be_asked_finds_a_trashed_document(notes, ann, client, query_worker, tmp_path):
    tiny_version(tmp_path)
    document = full_document(notes, ann)
    save_document(notes, "b", title="Another")
    trash(notes, ann, document)
    api = APIClient()
    api.force_authenticate(ann)
    for address in (
        "/api/v1/documents/?collection=notes",
        "/api/v1/suggestions/?q=zirc",
        "/api/v1/suggestions/?q=KX-204",
        "/api/v1/fields/values/?field=tags",
        "/api/v1/judgements/",
        "/api/v1/collections/notes/",
    ):
        answer = api.get(address)
        assert answer.status_code == 200, address
        assert not any(word in answer.content.decode() for word in ("irconium", "KX-204", '"red"')), address
    assert api.get("/api/v1/collections/notes/").json()["documents"] == 1
    assert api.get(f"/api/v1/documents/{document.pk}/").status_code == 404
    client.force_login(ann)
    assert client.get(f"/documents/{document.pk}/").status_code == 404
    assert "irconium" not in client.get("/collections/notes/").content.decode()


def test_its_files_stay_until_the_trash_is_emptied(notes, ann):
    document = save_document(notes, "a", title="Pump", pictures=[picture_bytes()])
    blob = document.images.get().blob_id
    trash(notes, ann, document)
    assert not blob_remove_unused(blob)
    trash_end(TrashedDocument.objects.all())
    assert blob_remove_unused(blob)


def test_what_named_a_search_or_a_person_that_is_gone_stays_away(notes, ann):
    document = full_document(notes, ann)
    done = trash(notes, ann, document)
    Query.objects.all().delete()
    change_undo(change_set=done, by=ann)
    assert Document.objects.get().pk == document.pk
    assert not Judgement.objects.exists()
    assert not JudgingPair.objects.exists()
    assert (Passage.objects.count(), DocumentImage.objects.count()) == (1, 1)


def test_a_document_stays_in_the_trash_while_another_has_its_external_id(notes, ann):
    document = save_document(notes, "a", title="Pump")
    trash(notes, ann, document)
    document_save(collection=notes, external_id="a", fields=DocumentFields(title="New"))
    done = restore(notes, ann)
    assert done.changes.get().reason == "curating.external_id_taken"
    assert TrashedDocument.objects.count() == 1
    assert Document.objects.get().title == "New"


def test_an_undo_of_a_deletion_says_what_was_emptied_meanwhile(notes, ann):
    first, second = save_document(notes, "a", title="Pump"), save_document(notes, "b", title="Valve")
    done = trash(notes, ann, first, second)
    TrashedDocument.objects.filter(pk=first.pk).delete()
    undo = change_undo(change_set=done, by=ann)
    assert {one.document_id: (one.state, one.reason) for one in undo.changes.all()} == {
        first.pk: ("left", "curating.not_in_trash"),
        second.pk: ("done", ""),
    }


def test_the_trash_is_emptied_by_a_daily_job_after_its_days(notes, ann, settings_days):
    old, new = save_document(notes, "a", title="Pump"), save_document(notes, "b", title="Valve")
    trash(notes, ann, old, new)
    assert [job for job in start_daily() if job.type == EMPTY_TRASH.name] == []
    past = timezone.now() - timedelta(days=31)
    TrashedDocument.objects.filter(pk=old.pk).update(deleted_at=past)
    settings_days(0)
    assert not trash_to_end().exists()
    settings_days(30)
    (job,) = [job for job in start_daily() if job.type == EMPTY_TRASH.name]
    assert run_job_inline(job).result["removed"] == 1
    assert TrashedDocument.objects.get().pk == new.pk


@pytest.fixture
def settings_days(monkeypatch):
    def days(number: int) -> None:
        monkeypatch.setattr(settings, "CONFIG", replace(settings.CONFIG, trash_keep_days=number))

    return days


def test_a_deleted_collection_takes_its_trash_along(notes, ann):
    trash(notes, ann, save_document(notes, "a", title="Pump", pictures=[picture_bytes()]))
    collection_delete(collection=notes)
    assert not TrashedDocument.objects.exists()
    assert not TrashedBlob.objects.exists()

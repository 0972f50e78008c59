"""Every change is in the history, whoever made it how, and most can be taken back in one step."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.utils import timezone
from rest_framework.test import APIClient

from retrieval_site.accounts.models import User
from retrieval_site.errors import AppError
from search.curating.editing import document_edit, document_erase, document_trash, documents_trash
from search.curating.start import change_undo, merge_start
from search.curating.trash import trash_empty
from search.importers.types import ImportOptions
from search.models import (
    AuditEntry,
    ChangedBlob,
    ChangedDocument,
    ChangeSet,
    Document,
    DocumentImage,
    Judgement,
    TrashedDocument,
)
from search.services.document_fields import DocumentFields, ImageInput
from search.services.history import blobs_to_end
from search.services.imports import import_start
from search.services.tokens import token_create
from search.services.undoing import import_undo
from tests.support.pages import kept_query, picture_bytes, save_document
from workers.jobs.runner import run_job_inline
from workers.storage.sweeping import blob_remove_unused

pytestmark = pytest.mark.django_db


def edited(collection, by, images=None, **fields) -> Document:
    values = {"title": "Pump", "body": "It leaks.", "tags": ("red",), "metadata": {"site": "Hall 3"}} | fields
    return document_edit(
        collection=collection, external_id="a", fields=DocumentFields(**values), images=images, by=by
    )


def newest() -> ChangeSet:
    found = ChangeSet.objects.order_by("-pk").first()
    assert found is not None
    return found


def as_it_is(document: Document) -> tuple[object, ...]:
    document.refresh_from_db()
    passages = list(document.passages.values_list("text", flat=True))
    pictures = list(document.images.values_list("blob", "alt"))
    return (document.title, document.body, document.tags, document.metadata, passages, pictures)


def test_an_edit_says_who_and_what_from_and_to_and_is_taken_back_whole(notes, ann):
    document = edited(notes, ann)
    before = as_it_is(document)
    edited(notes, ann, body="It was mended.\n\nIt runs.", tags=("blue",), metadata={"maker": "ACME"})
    done = newest()
    change = done.changes.get()
    assert (done.action, done.by, change.before["body"]) == ("edit", ann, "It leaks.")
    assert change.after["metadata"] == {"maker": ["ACME"], "site": []}
    assert "title" not in change.before
    after = as_it_is(document)
    undo = change_undo(change_set=done, by=ann)
    assert as_it_is(document) == before
    change_undo(change_set=undo, by=ann)
    assert as_it_is(document) == after


def test_what_is_saved_as_it_was_is_no_change(notes, ann):
    edited(notes, ann)
    edited(notes, ann)
    assert [one.action for one in ChangeSet.objects.all()] == ["create"]


def test_an_edit_that_somebody_changed_since_stays(notes, ann, ben):
    edited(notes, ann)
    edited(notes, ann, title="Valve")
    done = newest()
    edited(notes, ben, title="Gear")
    assert change_undo(change_set=done, by=ann).changes.get().reason == "curating.changed_since"


def test_taking_a_new_document_back_moves_it_to_the_trash(notes, ann):
    edited(notes, ann)
    change_undo(change_set=newest(), by=ann)
    assert TrashedDocument.objects.get().external_id == "a"


def test_a_new_document_that_somebody_changed_since_stays(notes, ann, ben, client):
    edited(notes, ann)
    done = newest()
    edited(notes, ben, title="Valve")
    assert change_undo(change_set=done, by=ann).changes.get().reason == "curating.changed_since"
    assert Document.objects.get().title == "Valve"
    client.force_login(ann)
    assert "content_hash" not in client.get(f"/curate/in/notes/changes/{done.pk}/").content.decode()


def test_what_was_put_back_and_changed_since_stays_when_that_is_taken_back(notes, ann, ben):
    document = edited(notes, ann)
    document_trash(document=document, by=ann)
    back = change_undo(change_set=newest(), by=ann)
    edited(notes, ben, title="Valve")
    assert change_undo(change_set=back, by=ann).changes.get().reason == "curating.changed_since"
    assert Document.objects.get().title == "Valve"


def test_a_value_that_becomes_true_from_one_is_a_change_of_that_field(notes, ann):
    edited(notes, ann, metadata={"checked": 1})
    edited(notes, ann, metadata={"checked": True})
    assert newest().changes.get().after == {"metadata": {"checked": [True]}}


def test_a_picture_that_was_taken_away_is_kept_for_the_way_back_and_then_let_go(notes, ann):
    document = save_document(notes, "a", title="Pump", pictures=[picture_bytes()])
    image = DocumentImage.objects.get()
    edited(notes, ann, images=[])
    done = newest()
    assert not blob_remove_unused(image.blob_id)
    change_undo(change_set=done, by=ann)
    assert DocumentImage.objects.get(document=document).blob_id == image.blob_id
    edited(notes, ann, images=[], title="Pump again")
    long_ago = timezone.now() - timedelta(days=settings.CONFIG.trash_keep_days + 1)
    ChangeSet.objects.update(created_at=long_ago)
    blobs_to_end().delete()
    assert blob_remove_unused(image.blob_id)
    assert change_undo(change_set=newest(), by=ann).changes.get().reason == "curating.pictures_gone"


def test_deletions_by_api_and_admin_go_to_the_trash_and_for_good_only_where_it_is_said(notes, ann):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token_create(user=ann, name='t', scopes=['write'])[1]}")
    first, second = (save_document(notes, name, title="Secret pump") for name in "ab")
    assert client.delete(f"/api/v1/documents/{first.pk}/").status_code == 204
    assert (TrashedDocument.objects.get().pk, newest().by) == (first.pk, ann)
    assert client.delete(f"/api/v1/documents/{second.pk}/?permanently=true").status_code == 204
    assert TrashedDocument.objects.count() == 1
    assert (newest().action, newest().changes.get().title) == ("delete", "")
    change_undo(change_set=ChangeSet.objects.get(action="trash"), by=ann)
    assert Document.objects.get() == first
    with pytest.raises(AppError, match=r"curating\.nothing_to_undo"):
        change_undo(change_set=ChangeSet.objects.get(action="delete"), by=ann)


def test_the_admins_deletion_of_several_is_a_change_of_each_collection(notes, other, ann):
    for collection, name in ((notes, "a"), (notes, "b"), (other, "c")):
        save_document(collection, name, title="Pump")
    documents_trash(documents=Document.objects.all(), by=ann)
    assert sorted(one.changes.count() for one in ChangeSet.objects.all()) == [1, 2]


def test_what_is_gone_for_good_is_erased_from_the_history(notes, ann):
    document = edited(notes, ann, title="Secret")
    edited(notes, ann, title="More secret")
    document_trash(document=document, by=ann)
    trash_empty(collection=notes)
    assert AuditEntry.objects.get(detail__change="empty_trash").detail["documents"] == 1
    values = ChangedDocument.objects.values_list("title", "before", "after")
    assert set(map(str, values)) == {"('', {}, {})"}
    another = edited(notes, ann, title="Secret")
    document_erase(document=another, by=ann)
    assert not ChangedDocument.objects.exclude(title="").exists()
    assert not ChangedBlob.objects.exists()


def imported(collection, by, **options):
    file = ContentFile(b'{"id": "a", "title": "A"}\n{"id": "b", "title": "B"}\n', "notes.jsonl")
    job = import_start(collection=collection, file=file, options=ImportOptions(), owner=by, **options)
    return run_job_inline(job)


def test_an_import_is_one_change_that_its_undo_takes_back(notes, ann):
    imported(notes, ann, dry_run=True)
    assert not ChangeSet.objects.exists()
    job = imported(notes, ann)
    run_job_inline(job)
    done = ChangeSet.objects.get()
    assert (done.action, done.by, done.job) == ("import", ann, job)
    undo = change_undo(change_set=done, by=ann)
    run_job_inline(undo.job)
    assert not Document.objects.exists()
    with pytest.raises(AppError, match=r"curating\.undone_already"):
        change_undo(change_set=done, by=ann)


def test_an_import_that_is_undone_elsewhere_says_so_here(notes, ann):
    undo = import_undo(job=imported(notes, ann), by=ann)
    assert ChangeSet.objects.get(action="import").undone_by.job == undo
    with pytest.raises(AppError, match=r"curating\.nothing_to_undo"):
        change_undo(change_set=newest(), by=ann)


def judged(document, query, user, grade: int) -> Judgement:
    return Judgement.objects.create(query=query, document=document, user=user, grade=grade)


def test_merging_moves_judgements_and_the_newest_of_a_rater_counts(notes, ann, ben):
    kept, twin = (save_document(notes, name, title="Pump") for name in "ab")
    query, other = kept_query([kept, twin]), kept_query([kept, twin])
    old, new = judged(kept, query, ann, 3), judged(twin, query, ann, 1)
    judged(twin, other, ann, 2)
    judged(kept, other, ben, 0)
    done = merge_start(collection=notes, keep=kept.pk, ids=[twin.pk], by=ann)
    held = {(row.query_id, row.user_id): row.grade for row in Judgement.objects.filter(document=kept)}
    assert held == {(query.pk, ann.pk): 1, (other.pk, ann.pk): 2, (other.pk, ben.pk): 0}
    moved = Judgement.objects.get(document=kept, query=query)
    assert moved.updated_at == new.updated_at
    change_undo(change_set=done, by=ann)
    rows = Judgement.objects.values_list("document", "query", "user", "grade")
    assert set(rows) == {
        (kept.pk, query.pk, ann.pk, 3),
        (twin.pk, query.pk, ann.pk, 1),
        (twin.pk, other.pk, ann.pk, 2),
        (kept.pk, other.pk, ben.pk, 0),
    }
    assert Judgement.objects.get(document=kept, query=query).updated_at == old.updated_at


def test_of_judgements_at_one_moment_the_higher_grade_counts(notes, ann):
    kept, twin = (save_document(notes, name, title="Pump") for name in "ab")
    query = kept_query([kept, twin])
    judged(kept, query, ann, 1)
    judged(twin, query, ann, 3)
    Judgement.objects.update(updated_at=timezone.now())
    merge_start(collection=notes, keep=kept.pk, ids=[twin.pk], by=ann)
    assert Judgement.objects.get().grade == 3


def test_what_a_rater_changed_since_the_merge_stays_theirs(notes, ann, ben):
    kept, twin = (save_document(notes, name, title="Pump") for name in "ab")
    query = kept_query([kept, twin])
    judged(twin, query, ann, 3)
    judged(twin, query, ben, 3)
    done = merge_start(collection=notes, keep=kept.pk, ids=[twin.pk], by=ann)
    mine = Judgement.objects.get(document=kept, user=ben)
    mine.grade = 0
    mine.save()
    assert change_undo(change_set=done, by=ann).changes.filter(state="left").count() == 0
    assert Judgement.objects.get(document=kept).user == ben


def test_a_rater_who_is_gone_keeps_nobody_from_taking_a_merge_back(notes, ann):
    kept, twin = (save_document(notes, name, title="Pump") for name in "ab")
    cat = User.objects.create(username="cat")
    judged(twin, kept_query([kept, twin]), cat, 3)
    done = merge_start(collection=notes, keep=kept.pk, ids=[twin.pk], by=ann)
    cat.delete()
    change_undo(change_set=done, by=ann)
    assert Document.objects.count() == 2
    assert not Judgement.objects.exists()


def test_pictures_of_an_edit_keep_their_words(notes, ann):
    save_document(notes, "a", title="Pump", pictures=[picture_bytes()])
    row = DocumentImage.objects.get()
    edited(notes, ann, images=[ImageInput(row.blob_id, row.width, row.height, "A red pump")])
    change_undo(change_set=newest(), by=ann)
    assert DocumentImage.objects.get().alt == row.alt


def test_the_pages_show_an_imports_counts_and_where_a_long_text_differs(notes, ann, client):
    client.force_login(ann)
    job = imported(notes, ann)
    assert job.result["new"] == 2
    shown = client.get(f"/curate/in/notes/changes/{newest().pk}/").content.decode()
    assert "2 new" in shown
    assert "Take it back" in shown
    edited(notes, ann, title="Pump", body="x" * 5000 + " leaks " + "y" * 400)
    edited(notes, ann, title="Pump", body="x" * 5000 + " runs " + "y" * 400)
    shown = client.get(f"/curate/in/notes/changes/{newest().pk}/").content.decode()
    assert "leaks y" in shown
    assert "runs y" in shown
    assert client.get("/curate/in/notes/changes/").status_code == 200

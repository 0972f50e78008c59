"""Two at once: curators who change the same documents, and a deletion during a change."""

from __future__ import annotations

import pytest

from retrieval_site.accounts.models import User
from search.curating import changes
from search.curating.start import change_start, change_undo, picked_documents
from search.job_types import ENCODE
from search.models import ChangedDocument, ChangeSet, Document, Membership, TrashedDocument
from search.services.document_fields import DocumentFields
from search.services.documents import DocumentRecord, documents_delete, documents_save
from search.services.history import _note_job
from tests.support.at_once import at_once
from tests.support.corpus import make_collection
from workers.jobs.services import job_create
from workers.jobs.types import JobParameters

pytestmark = pytest.mark.django_db(transaction=True)
DOCUMENTS = 60


@pytest.fixture
def notes():
    collection = make_collection("notes")
    fields = DocumentFields(title="Pump")
    documents_save(collection=collection, records=[DocumentRecord(f"d{n}", fields) for n in range(DOCUMENTS)])
    return collection


@pytest.fixture
def ann(notes) -> User:
    user = User.objects.create(username="ann")
    Membership.objects.create(collection=notes, user=user, role="curator")
    return user


def every(notes, by, action, **detail) -> ChangeSet:
    picked = picked_documents(notes, Document.objects.values_list("pk", flat=True))
    return change_start(collection=notes, action=action, detail=detail, documents=picked, by=by)


def test_both_of_two_curators_tags_are_kept(notes, ann):
    at_once(
        lambda: every(notes, ann, "add_tags", tags=["x"]),
        lambda: every(notes, ann, "add_tags", tags=["y"]),
        lambda: every(notes, ann, "set_field", key="site", value="3"),
    )
    assert {tuple(sorted(one.tags)) for one in Document.objects.all()} == {("x", "y")}
    assert {one.metadata["site"] for one in Document.objects.all()} == {"3"}
    assert ChangedDocument.objects.filter(state="done").count() == 3 * DOCUMENTS


def test_what_is_deleted_meanwhile_is_either_changed_first_or_left(notes, ann):
    gone = list(Document.objects.values_list("pk", flat=True)[:30])
    done, _ = at_once(
        lambda: every(notes, ann, "add_tags", tags=["x"]), lambda: documents_delete(documents=gone)
    )
    assert isinstance(done, ChangeSet)
    assert Document.objects.filter(tags=["x"]).count() == DOCUMENTS - 30
    assert set(done.changes.values_list("state", flat=True)) <= {"done", "left"}


def test_a_document_that_two_move_to_the_trash_is_there_once(notes, ann):
    at_once(*[lambda: every(notes, ann, "trash")] * 3)
    assert TrashedDocument.objects.count() == DOCUMENTS
    assert ChangedDocument.objects.filter(state="done").count() == DOCUMENTS
    assert not Document.objects.exists()


def test_a_change_is_taken_back_once_by_two_who_ask_at_once(notes, ann):
    done = every(notes, ann, "add_tags", tags=["x"])
    answers = at_once(*[lambda: change_undo(change_set=done, by=ann)] * 3)
    assert sum(isinstance(one, ChangeSet) for one in answers) == 1
    assert {one.id for one in answers if not isinstance(one, ChangeSet)} == {"curating.undone_already"}
    assert not Document.objects.filter(tags=["x"]).exists()


def test_two_runs_of_one_change_do_each_document_once(notes, ann, monkeypatch):
    monkeypatch.setattr(changes, "AT_ONCE", 1)
    monkeypatch.setattr(changes, "BATCH_DOCUMENTS", 7)
    done = every(notes, ann, "add_tags", tags=["x"])

    def run() -> int:
        count = 0
        while batch := changes.change_batch(done):
            count += len(batch)
        return count

    assert sum(at_once(run, run)) == DOCUMENTS


def test_runs_of_one_job_at_once_are_one_change(notes, ann):
    job = job_create(ENCODE, JobParameters(), owner=ann)
    at_once(*[lambda: _note_job(job, ChangeSet.Action.IMPORT, notes.pk)] * 6)
    assert ChangeSet.objects.get(job=job).by == ann

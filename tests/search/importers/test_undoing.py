"""Undoing an import removes what it created and nobody changed, as a job, and nothing else."""

from __future__ import annotations

import json

import pytest
from django.core.files.base import ContentFile

from retrieval_site.accounts.models import User
from retrieval_site.errors import AppError
from search.importers import job as import_module
from search.importers import undoing as undoing_module
from search.models import Document, Judgement, Membership
from search.services.collections import collection_create
from search.services.document_fields import DocumentFields
from search.services.documents import document_save
from search.services.imports import import_start
from search.services.undoing import import_undo, import_undoable, may_be_undone
from tests.support.corpus import make_version
from tests.support.queries import make_query
from workers.jobs import context, services
from workers.jobs.errors import JobStopped
from workers.jobs.runner import run_job_inline
from workers.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna() -> User:
    return User.objects.create_user("anna", is_staff=True)


@pytest.fixture
def corpus(anna):
    return collection_create(name="Notes", owner=anna)


def lines(*names: str, body: str = "Note.") -> ContentFile:
    rows = [json.dumps({"id": name, "title": name, "body": body}) for name in names]
    return ContentFile("\n".join(rows).encode(), name="notes.jsonl")


def imported(corpus, owner, *names: str, **more) -> Job:
    body = more.pop("body", "Note.")
    return run_job_inline(import_start(collection=corpus, file=lines(*names, body=body), owner=owner, **more))


def stored() -> list[str]:
    return sorted(Document.objects.values_list("external_id", flat=True))


def refusal(act) -> str:
    with pytest.raises(AppError) as refused:
        act()
    return refused.value.id


def test_undoing_removes_what_the_import_created_and_keeps_what_was_there_before(corpus, anna):
    document_save(collection=corpus, external_id="old", fields=DocumentFields(title="Old"))
    job = imported(corpus, anna, "old", "a", "b")
    assert job.result["changed"] == 1
    found = import_undoable(job)
    assert (found.documents, found.judgements, found.changed_since) == (2, 0, 0)
    undo = run_job_inline(import_undo(job=job, by=anna))
    assert (undo.state, undo.done, undo.total, undo.result["removed"]) == ("succeeded", 2, 2, 2)
    assert stored() == ["old"]
    assert Document.objects.get().body == "Note."


def test_a_document_that_somebody_changed_since_stays(corpus, anna):
    job = imported(corpus, anna, "a", "b", "c")
    document_save(collection=corpus, external_id="a", fields=DocumentFields(title="mended by hand"))
    imported(corpus, anna, "b", body="mended by another import")
    found = import_undoable(job)
    assert (found.documents, found.changed_since) == (1, 2)
    run_job_inline(import_undo(job=job, by=anna))
    assert stored() == ["a", "b"]


def test_importing_the_same_again_leaves_the_documents_to_the_first_import(corpus, anna):
    first, second = imported(corpus, anna, "a"), imported(corpus, anna, "a")
    assert import_undoable(first).documents == 1
    assert not may_be_undone(second)


def test_how_many_judgements_go_with_the_documents_is_said(corpus, anna):
    job = imported(corpus, anna, "a")
    query = make_query(modality="text", text="a", version=make_version())
    Judgement.objects.create(query=query, document=Document.objects.get(), user=anna, grade=1)
    assert import_undoable(job).judgements == 1


def test_what_a_cancelled_import_stored_can_be_undone(corpus, anna, monkeypatch):
    monkeypatch.setattr(import_module, "BATCH_DOCUMENTS", 2)
    original = import_module.ImportRun._batch

    def cancelling(self, batch):
        original(self, batch)
        services.job_request_cancel(self.ctx.job)

    monkeypatch.setattr(import_module.ImportRun, "_batch", cancelling)
    job = imported(corpus, anna, "a", "b", "c", "d")
    assert (job.state, stored()) == ("cancelled", ["a", "b"])
    run_job_inline(import_undo(job=job, by=anna))
    assert stored() == []


def test_an_undone_import_does_not_go_on(corpus, anna):
    job = imported(corpus, anna, "a")
    job.items.create(key="line 9", error_id="x.y", reason="Bad.")
    import_undo(job=job, by=anna)
    assert refusal(lambda: services.job_retry_failed(job, anna)) == "job.undone"


def test_undoing_goes_on_after_its_worker_died(corpus, anna, monkeypatch):
    monkeypatch.setattr(undoing_module, "BATCH_DOCUMENTS", 2)
    undo = import_undo(job=imported(corpus, anna, *"abcde"), by=anna)
    original, calls = undoing_module.documents_delete, []

    def dying(*, documents):
        calls.append(documents)
        if len(calls) == 2:
            raise JobStopped
        return original(documents=documents)

    monkeypatch.setattr(undoing_module, "documents_delete", dying)
    assert run_job_inline(undo).state == "queued"
    assert len(stored()) == 3
    done = run_job_inline(undo)
    assert (done.state, done.done, done.total, stored()) == ("succeeded", 5, 5, [])


def test_a_removal_that_was_cancelled_can_be_started_again(corpus, anna):
    job = imported(corpus, anna, "a")
    first = import_undo(job=job, by=anna)
    assert import_undo(job=job, by=anna) == first
    services.job_request_cancel(first)
    second = import_undo(job=job, by=anna)
    assert run_job_inline(second).state == "succeeded"
    assert stored() == []


def test_whoever_lost_the_collection_meanwhile_removes_nothing_more(corpus, anna, monkeypatch):
    monkeypatch.setattr(context, "RIGHTS_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(undoing_module, "BATCH_DOCUMENTS", 2)
    undo = import_undo(job=imported(corpus, anna, *"abcd"), by=anna)
    original = undoing_module.documents_delete

    def losing(*, documents):
        if len(stored()) == 2:
            Membership.objects.filter(user=anna).delete()
        return original(documents=documents)

    monkeypatch.setattr(undoing_module, "documents_delete", losing)
    done = run_job_inline(undo)
    assert (done.state, done.error_id, stored()) == ("failed", "job.not_permitted", ["c", "d"])


def test_only_curators_undo_and_only_what_stored_something(corpus, anna):
    job = imported(corpus, anna, "a")
    check = imported(corpus, anna, "b", dry_run=True)
    assert refusal(lambda: import_undo(job=check, by=anna)) == "import.not_an_import"
    assert (
        refusal(lambda: import_undo(job=Job.objects.create(type="encode"), by=anna)) == "import.not_an_import"
    )
    waiting = import_start(collection=corpus, file=lines("c"), owner=anna)
    assert refusal(lambda: import_undo(job=waiting, by=anna)) == "job.wrong_state"
    stranger = User.objects.create_user("stranger", is_staff=True)
    assert refusal(lambda: import_undo(job=job, by=stranger)) == "job.not_permitted"
    run_job_inline(import_undo(job=job, by=anna))
    assert refusal(lambda: import_undo(job=job, by=anna)) == "import.nothing_to_undo"

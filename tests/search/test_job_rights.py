"""A job goes on only while the person in whose name it works may still do that."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.utils import timezone
from rest_framework.test import APIClient

from models_admin.job_types import MEASURE, PREPARE, VALIDATE, VersionParameters
from retrieval_site.accounts.models import User
from retrieval_site.errors import AppError
from search.importers import job as import_job
from search.importers.types import ImportOptions
from search.job_types import ENCODE, OF_A_COLLECTION
from search.models import ApiToken, Collection, Document, Membership
from search.services.collections import collection_create
from search.services.documents import encode_soon
from search.services.imports import import_start
from search.services.tokens import token_create
from tests.support.corpus import make_collection, make_documents, make_version, tiny_version
from workers.jobs import context, services
from workers.jobs.rights import items_seen_by, require_permitted
from workers.jobs.runner import run_job_inline
from workers.jobs.types import JobParameters
from workers.models import Job

pytestmark = pytest.mark.django_db
NOTES = 12


@pytest.fixture
def anna() -> User:
    return User.objects.create_user("anna", is_staff=True)


@pytest.fixture
def corpus(anna) -> Collection:
    return collection_create(name="Notes", owner=anna)


@pytest.fixture(autouse=True)
def _asked_at_every_batch_of_two(monkeypatch):
    monkeypatch.setattr(context, "RIGHTS_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(import_job, "BATCH_DOCUMENTS", 2)


def notes_file() -> ContentFile:
    lines = "\n".join(json.dumps({"id": f"d{n}", "body": f"Note {n}."}) for n in range(NOTES))
    return ContentFile(lines.encode(), name="notes.jsonl")


def started(corpus: Collection, owner: User | None, **more: object) -> Job:
    return import_start(collection=corpus, file=notes_file(), options=ImportOptions(), owner=owner, **more)


def test_every_job_of_a_collection_needs_a_right():
    for job_type in OF_A_COLLECTION:
        with pytest.raises(AppError, match=r"job\.not_permitted"):
            require_permitted(Job(type=job_type.name), None)


def lose(how: str, anna: User, corpus: Collection) -> None:
    if how == "removed from the curators":
        Membership.objects.filter(user=anna).delete()
    elif how == "made a reader":
        Membership.objects.filter(user=anna).update(role="reader")
    elif how == "deactivated":
        User.objects.filter(pk=anna.pk).update(is_active=False)
    elif how == "deleted":
        User.objects.filter(pk=anna.pk).delete()
    elif how == "collection deleted":
        corpus.delete()


WAYS = ["removed from the curators", "made a reader", "deactivated", "deleted", "collection deleted"]


def after_batches(monkeypatch, count: int, then) -> None:
    """Do something in the middle of an import, after so many of its batches."""
    plain, seen = import_job.ImportRun._batch, []

    def batch(self, items):
        plain(self, items)
        seen.append(items)
        if len(seen) == count:
            then()

    monkeypatch.setattr(import_job.ImportRun, "_batch", batch)


def assert_stopped(job: Job) -> None:
    job.refresh_from_db()
    assert (job.state, job.error_id) == ("failed", "job.not_permitted")
    assert "may not do this any more" in job.error


@pytest.mark.parametrize("how", WAYS)
def test_a_job_whose_owner_lost_the_right_before_it_started_writes_nothing(how, anna, corpus):
    job = started(corpus, anna)
    lose(how, anna, corpus)
    assert_stopped(run_job_inline(job))
    assert not Document.objects.exists()


@pytest.mark.parametrize("how", WAYS[:4])
def test_a_running_import_stops_when_its_owner_loses_the_right(how, anna, corpus, monkeypatch):
    after_batches(monkeypatch, 2, lambda: lose(how, anna, corpus))
    assert_stopped(run_job_inline(started(corpus, anna)))
    assert Document.objects.count() == 4
    assert Job.objects.filter(type="encode", owner=None).exists()  # what is stored must be found all the same


def test_a_batch_that_is_being_written_is_taken_back(anna, corpus, monkeypatch):
    job = started(corpus, anna)
    plain = import_job.documents_save

    def save(**given):
        changes = plain(**given)
        if Document.objects.count() == 6:
            Membership.objects.all().delete()
        return changes

    monkeypatch.setattr(import_job, "documents_save", save)
    assert_stopped(run_job_inline(job))
    assert Document.objects.count() == 4


def test_a_revoked_curators_cancelled_import_does_not_go_on_when_retried(anna, corpus):
    job = services.job_request_cancel(started(corpus, anna))
    Membership.objects.all().delete()
    with pytest.raises(AppError) as caught:
        services.job_retry(job, anna)
    assert (caught.value.id, caught.value.status) == ("job.not_permitted", 403)
    job.refresh_from_db()
    assert job.state == "cancelled"


@pytest.mark.parametrize("action", ["resume", "retry"])
def test_the_api_refuses_who_may_not_any_more_and_leaves_the_job_as_it_is(action, anna, corpus):
    job = started(corpus, anna)
    (services.job_request_pause if action == "resume" else services.job_request_cancel)(job)
    job.refresh_from_db()
    before = job.state
    Membership.objects.all().delete()
    client = APIClient()
    client.force_authenticate(anna)
    response = client.post(f"/api/v1/jobs/{job.pk}/{action}/")
    assert (response.status_code, response.json()["error"]["id"]) == (403, "job.not_permitted")
    job.refresh_from_db()
    assert job.state == before


def test_a_superuser_who_presses_retry_does_not_lend_the_owner_their_right(anna, corpus):
    job = services.job_request_cancel(started(corpus, anna))
    Membership.objects.all().delete()
    with pytest.raises(AppError, match="in whose name"):
        services.job_retry(job, User.objects.create_superuser("chief"))


def test_somebody_without_the_right_does_not_start_what_its_owner_may_do(anna, corpus):
    job = services.job_request_cancel(started(corpus, anna))
    with pytest.raises(AppError, match="You may not"):
        services.job_retry(job, User.objects.create_user("ben"))
    assert services.job_retry(job, anna).state == "queued"


def by_token(anna: User) -> tuple[APIClient, ApiToken]:
    token, key = token_create(user=anna, name="sync", scopes=["write"])
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client, token


def imported_by(client: APIClient) -> Job:
    response = client.post(
        "/api/v1/documents/import/", {"file": notes_file(), "collection": "notes"}, format="multipart"
    )
    return Job.objects.get(pk=response.json()["id"])


@pytest.mark.parametrize("how", ["withdrawn", "expired"])
def test_what_a_token_started_ends_with_the_token(how, anna, corpus, monkeypatch):
    client, token = by_token(anna)
    job = imported_by(client)
    assert job.token_id == token.pk

    def lose_the_token():
        if how == "withdrawn":
            token.delete()
        else:
            ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    after_batches(monkeypatch, 1, lose_the_token)
    assert_stopped(run_job_inline(job))
    assert Document.objects.count() == 2


def test_the_owner_vouches_anew_when_they_retry_without_the_token(anna, corpus):
    client, token = by_token(anna)
    job = services.job_request_cancel(imported_by(client))
    token.delete()
    again = services.job_retry(job, anna)
    assert (again.token_id, again.state) == (None, "queued")
    assert run_job_inline(again).state == "succeeded"


def test_a_job_that_a_command_started_needs_nobodys_right(corpus):
    assert run_job_inline(started(corpus, None)).state == "succeeded"


def test_vectors_are_made_whoever_asked_for_them(anna):
    make_version()
    job = encode_soon(owner=anna)
    User.objects.filter(pk=anna.pk).update(is_active=False)
    assert run_job_inline(job).state == "succeeded"


@pytest.mark.parametrize("job_type", [VALIDATE, PREPARE, MEASURE], ids=lambda one: one.name)
def test_who_is_no_superuser_any_more_changes_no_model(job_type):
    chief, version = User.objects.create_superuser("chief"), make_version()
    job = services.job_create(job_type, VersionParameters(version=version.pk), owner=chief)
    User.objects.filter(pk=chief.pk).update(is_superuser=False)
    assert_stopped(run_job_inline(job))
    version.refresh_from_db()
    assert version.state == "ready"


def test_rights_are_asked_at_most_once_a_second(anna, corpus, monkeypatch):
    monkeypatch.setattr(context, "RIGHTS_EVERY_SECONDS", 1.0)
    asked = []
    monkeypatch.setattr(context, "require_owner_permitted", asked.append)
    job = services.job_claim(started(corpus, anna).pk)
    running = context.JobContext(job)
    for _ in range(50):
        running.checkpoint()
    assert asked == []
    running._permitted_at -= 1.0
    for _ in range(50):
        running.checkpoint()
    assert asked == [job]


def encoding_job(owner: User | None, tmp_path) -> Job:
    """A run of `encode` that meets notes of a private collection, one of which cannot be encoded."""
    tiny_version(tmp_path)
    vault, notes = make_collection("vault", visibility="private"), make_collection("notes-too")
    passages = [*make_documents(vault, 3), *make_documents(notes, 2)]
    job = run_job_inline(services.job_create(ENCODE, JobParameters(), owner=owner))
    for passage in (passages[0], passages[-1]):
        job.items.create(
            key=f"passage {passage.pk}", error_id="x.y", reason="Bad.",
            payload={"version": 1, "kind": "passage", "unit": passage.pk},
        )  # fmt: skip
    job.items.create(key="line 3", error_id="x.y", reason="Bad.")
    return job


def test_a_job_that_encodes_other_collections_too_does_not_count_them_for_its_owner(anna, corpus, tmp_path):
    job = encoding_job(anna, tmp_path)
    assert job.state == "succeeded", job.error
    assert (job.total, job.done, job.failed) == (None, 0, 0)


def test_whose_collections_are_all_that_is_missing_sees_the_counts(anna, tmp_path):
    tiny_version(tmp_path)
    make_documents(make_collection("open"), 5)
    job = run_job_inline(services.job_create(ENCODE, JobParameters(), owner=anna))
    assert (job.total, job.done) == (5, 5)


def test_failed_units_of_documents_that_one_may_not_see_are_not_listed(anna, tmp_path):
    job = encoding_job(anna, tmp_path)
    shown = [item.key for item in items_seen_by(job, anna)]
    assert len(shown) == 2
    assert shown[-1] == "line 3"
    client = APIClient()
    client.force_authenticate(anna)
    listed = client.get(f"/api/v1/jobs/{job.pk}/failed/").json()["results"]
    assert [item["key"] for item in listed] == shown
    assert items_seen_by(job, User.objects.create_superuser("chief")).count() == 3


def test_every_job_of_a_collection_asks_who_curates_it():
    user = User.objects.create_user("nobody")
    collection = make_collection()
    for job_type in OF_A_COLLECTION:
        job = Job(type=job_type.name, params={"collection": collection.pk}, owner=user)
        with pytest.raises(AppError, match=r"job\.not_permitted"):
            require_permitted(job, user)

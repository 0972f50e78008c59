"""What is kept of a person is erased: no column that names people is forgotten."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from retrieval_site.accounts.models import User
from retrieval_site.audit import audit_note
from retrieval_site.errors import AppError
from search.job_types import EXPIRE_RECORDS
from search.models import (
    ApiToken,
    AuditEntry,
    Invitation,
    InvitedRole,
    Judgement,
    JudgingPair,
    JudgingQueue,
    Membership,
    Query,
    SavedSearch,
)
from search.services.invitations import invitation_accept
from search.services.members import members_replace
from search.services.people import OF_PEOPLE, Erased, field_name, people_fields, person_erase
from search.services.record_ages import jobs_to_end, records_due
from search.services.tokens import token_create
from tests.support.corpus import make_collection, make_documents
from tests.support.pages import kept_query
from workers.jobs.runner import run_job_inline
from workers.jobs.services import job_create_once
from workers.models import Job
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


def test_every_column_that_names_a_person_is_known_to_the_erasure():
    assert {field_name(field) for field in people_fields()} == set(OF_PEOPLE)


def _invited(address: str) -> None:
    now = timezone.now()
    Invitation.objects.create(email=address, digest="x", sent_at=now, ends_at=now)


def _photo(query):
    photo = blob_store(b"a small photo", "image/jpeg")
    query.parts.update(preview=photo, embedding=b"1234")
    return photo


def test_erasing_leaves_no_trace_but_anonymous_judgements_and_judged_searches(anna, bert, documents):
    alone, judged = kept_query(documents, user=anna), kept_query(documents, user=anna)
    theirs = kept_query(documents, user=bert)
    photo = _photo(alone)
    SavedSearch.objects.create(user=anna, query=alone, name="kept")
    Judgement.objects.create(query=judged, document=documents[0], user=bert, grade=1)
    for query in (judged, theirs):
        Judgement.objects.create(query=query, document=documents[1], user=anna, grade=3, comment="says anna")
    members_replace(collection=documents[0].collection, role=Membership.Role.READER, names=["anna", "bert"])
    audit_note("export.made", by=anna, file="x")
    for address in ("Anna@a.example", "bert@a.example"):
        _invited(address)
    browser = Client()
    browser.force_login(anna)
    assert person_erase(person=anna) == Erased(searches=1, searches_kept=1, judgements=2)
    assert not User.objects.filter(username="anna").exists()
    assert not default_storage.exists(photo.storage_name)
    assert list(Query.objects.order_by("created_at").values_list("pk", "user")) == [
        (judged.pk, None),
        (theirs.pk, bert.pk),
    ]
    assert [row.email for row in Invitation.objects.all()] == ["bert@a.example"]
    grades = Judgement.objects.filter(user=None)
    assert set(grades.values_list("grade", "comment")) == {(3, "")}
    assert len(set(grades.values_list("session", flat=True))) == 1
    said = "".join(
        json.dumps([entry.actor, entry.target_name, entry.detail]) for entry in AuditEntry.objects.all()
    )
    assert "anna" not in said
    assert "bert" in said
    assert not browser.session.get("_auth_user_id")


def test_judged_searches_and_judgements_go_where_that_is_asked_for(anna, bert, documents):
    judged, theirs = kept_query(documents, user=anna), kept_query(documents, user=bert)
    Judgement.objects.create(query=judged, document=documents[0], user=bert, grade=1)
    Judgement.objects.create(query=theirs, document=documents[1], user=anna, grade=3)
    erased = person_erase(person=anna, delete_judgements=True, delete_judged=True)
    assert erased == Erased(searches=1, searches_kept=0, judgements=1)
    assert not Judgement.objects.exists()
    assert Query.objects.get() == theirs


def test_of_the_searches_those_that_others_judged_stay_alone(anna, bert, documents):
    own, others, queued = (kept_query(documents, user=anna) for _ in range(3))
    photos = {}
    for query in (own, others, queued):
        photos[query.pk] = blob_store(f"photo of {query.pk}".encode(), "image/jpeg")
        query.parts.update(preview=photos[query.pk])
    for query, person in ((own, anna), (others, anna), (others, bert)):
        Judgement.objects.create(query=query, document=documents[0], user=person, grade=3)
    queue = JudgingQueue.objects.create(name="q", collection=documents[0].collection, source="unsure")
    JudgingPair.objects.create(queue=queue, query=queued, document=documents[0], place=1)
    assert person_erase(person=anna) == Erased(searches=2, searches_kept=1, judgements=1)
    assert [pk for pk, photo in photos.items() if default_storage.exists(photo.storage_name)] == [others.pk]
    assert not JudgingPair.objects.exists()
    assert {row.user for row in Judgement.objects.all()} == {None, bert}


def test_former_names_addresses_and_tokens_go_from_the_log(anna, bert, documents):
    collection = documents[0].collection
    members_replace(collection=collection, role=Membership.Role.READER, names=["anna", "bert"])
    token_create(user=anna, name="Anna's laptop", scopes=["read"])
    anna.email = "schmidt@a.example"
    now = timezone.now()
    invitation = Invitation.objects.create(
        email=anna.email, digest="x", sent_at=now, ends_at=now + timedelta(1)
    )
    InvitedRole.objects.create(invitation=invitation, collection=collection, role="judge")
    audit_note("invitation.created", invitation)
    invitation_accept(invitation=invitation, person=anna)
    anna.username, anna.email = "mrs.jones", "jones@a.example"
    anna.save()
    members_replace(collection=collection, role=Membership.Role.READER, names=[])
    person_erase(person=anna)
    rows = AuditEntry.objects.values_list("actor", "token", "target_name", "detail")
    said = json.dumps(list(rows)).casefold()
    assert not [name for name in ("anna", "schmidt", "jones") if name in said]
    assert said.count('"bert"') == 4  # added and removed, each with the id


def test_a_former_name_that_somebody_else_has_now_stays_theirs(anna, bert, documents):
    members_replace(collection=documents[0].collection, role=Membership.Role.READER, names=["anna", "bert"])
    User.objects.filter(pk=anna.pk).update(username="annie")
    User.objects.filter(pk=bert.pk).update(username="anna")
    bert.refresh_from_db()
    person_erase(person=bert)
    detail = AuditEntry.objects.get(action="members.changed").detail
    assert detail == {"reader_added": ["anna", "(erased)"], "people": {"anna": anna.pk}}


def test_the_log_of_the_admins_pages_forgets_whom_tokens_and_roles_were_given(anna, documents, client):
    boss, collection = User.objects.create_superuser("boss"), documents[0].collection
    client.force_login(boss)
    form = {"name": "laptop", "user": anna.pk, "scopes": ["read"], "expires_at": ""}
    assert client.post(reverse("admin:search_apitoken_add"), form).status_code == 302
    assert "anna" not in " ".join(LogEntry.objects.values_list("object_repr", flat=True))
    former = {"user": boss, "action_flag": CHANGE}
    added = [
        {"added": {"name": "member", "object": "anna curator of Pumps"}},
        {"changed": {"fields": ["Name"]}},
    ]
    for row, name, message in (
        (ApiToken.objects.get(), "laptop of anna", "[]"),
        (collection, str(collection), json.dumps(added)),
        (anna, "anna", "Changed by hand."),
    ):
        about = ContentType.objects.get_for_model(row)
        LogEntry.objects.create(
            content_type=about, object_id=row.pk, object_repr=name, change_message=message, **former
        )
    person_erase(person=anna)
    kept = " ".join(f"{one.object_repr} {one.change_message}" for one in LogEntry.objects.all())
    assert "anna" not in kept
    assert "(erased)" in kept
    assert '["Name"]' in kept


def test_two_erased_people_may_have_judged_the_same_pair(anna, bert, documents):
    query = kept_query(documents)
    for person in (anna, bert):
        Judgement.objects.create(query=query, document=documents[0], user=person, grade=2)
    person_erase(person=anna)
    person_erase(person=bert)
    assert Judgement.objects.filter(user=None).count() == 2


def test_the_last_administrator_stays():
    boss = User.objects.create_superuser("boss")
    with pytest.raises(AppError, match=r"user\.last_administrator"):
        person_erase(person=boss)
    assert User.objects.get(username="boss").is_active


def test_the_command_erases_only_when_told_twice(anna, tmp_path):
    call_command("person", "export", "anna", str(tmp_path / "anna.zip"))
    with pytest.raises(CommandError, match="there already"):
        call_command("person", "export", "anna", str(tmp_path / "anna.zip"))
    with pytest.raises(CommandError, match="--yes"):
        call_command("person", "erase", "anna")
    call_command("person", "erase", "anna", "--yes")
    with pytest.raises(CommandError, match=r"user\.not_found"):
        call_command("person", "erase", "anna", "--yes")


def test_expired_sessions_end():
    now = timezone.now()
    Session.objects.create(session_key="open", session_data="", expire_date=now + timedelta(hours=1))
    assert not records_due()
    Session.objects.create(session_key="expired", session_data="", expire_date=now - timedelta(hours=1))
    assert records_due()
    run_job_inline(job_create_once(EXPIRE_RECORDS, EXPIRE_RECORDS.parameters())[0])
    assert Session.objects.get().session_key == "open"


def test_raters_and_jobs_end_by_their_age(anna, documents, settings):
    settings.CONFIG = replace(settings.CONFIG, rater_keep_days=30, job_keep_days=30)
    query = kept_query(documents)
    for document in documents[:2]:
        Judgement.objects.create(query=query, document=document, user=anna, grade=3)
    old = timezone.now() - timedelta(days=31)
    Judgement.objects.filter(document=documents[0]).update(updated_at=old)
    finished = {"type": "encode", "state": "succeeded", "finished_at": old}
    gone, kept = Job.objects.create(**finished), Job.objects.create(**finished)
    type(documents[0]).objects.filter(pk=documents[0].pk).update(import_job=kept)
    assert list(jobs_to_end()) == [gone]
    job = run_job_inline(job_create_once(EXPIRE_RECORDS, EXPIRE_RECORDS.parameters())[0])
    assert (job.result["jobs"], job.result["judgements"]) == (1, 1)
    assert list(Judgement.objects.order_by("pk").values_list("user", flat=True)) == [None, anna.pk]

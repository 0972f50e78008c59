"""Copies of judgements, in the trash and in the history of merges, become nobody's as the judgements do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.apps import apps
from django.db import connection, models
from django.utils import timezone

from retrieval_site.accounts.models import User
from search.curating.keeping import DERIVED
from search.curating.start import change_start, change_undo, merge_start, picked_documents
from search.job_types import EXPIRE_RECORDS
from search.models import Document, Judgement, JudgingPair, JudgingQueue, JudgingSkip, TrashedDocument
from search.services.people import people_fields, person_erase
from search.services.record_ages import records_due
from tests.support.corpus import make_collection
from tests.support.pages import kept_query, save_document
from workers.jobs.runner import run_job_inline
from workers.jobs.services import job_create_once

pytestmark = pytest.mark.django_db
COMMENT = "Mr X asked"
ANNA = 987654321
"""Her id, which no other number contains."""


@pytest.fixture
def notes():
    return make_collection("notes")


@pytest.fixture
def boss() -> User:
    return User.objects.create_superuser("boss")


@pytest.fixture
def anna() -> User:
    return User.objects.create_user("anna", pk=ANNA)


def judged(document, query, **rater) -> Judgement:
    return Judgement.objects.create(query=query, document=document, grade=3, comment=COMMENT, **rater)


def json_columns() -> str:
    """Every JSON column of every table as one text."""
    texts = []
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, models.JSONField) and model._meta.managed:
                with connection.cursor() as cursor:
                    cursor.execute(f'SELECT "{field.column}"::text FROM "{model._meta.db_table}"')
                    texts += [f"{model.__name__} {text}" for (text,) in cursor.fetchall()]
    return "\n".join(texts)


def merged(notes, boss, **rater):
    """A merge that moved a judgement by this rater, which another by them had before, and one in the trash."""
    kept, twin, gone = (save_document(notes, name, title="Pump") for name in "abc")
    query = kept_query([kept, twin, gone])
    judged(kept, query, **rater)
    judged(twin, query, **rater)
    judged(gone, query, **rater)
    done = merge_start(collection=notes, keep=kept.pk, ids=[twin.pk], by=boss)
    trashed = picked_documents(notes, [gone.pk])
    change_start(collection=notes, action="trash", detail={}, documents=trashed, by=boss)
    assert COMMENT in json_columns()
    return done, kept, twin, gone


def as_kept() -> set[tuple[str, str, int]]:
    rows = Judgement.objects.values_list("document__external_id", "comment", "grade")
    return set(rows)


@pytest.mark.parametrize("how", ["anonymous", "deleted"])
def test_no_copy_of_an_erased_persons_judgements_names_them(notes, boss, anna, how):
    done, *_, gone = merged(notes, boss, user=anna)
    queue = JudgingQueue.objects.create(name="q", collection=notes, source="file")
    pair = JudgingPair.objects.create(
        queue=queue, query=kept_query([]), document=save_document(notes, "d", title="Left out"), place=1
    )
    JudgingSkip.objects.create(pair=pair, user=anna)
    skipped = picked_documents(notes, [pair.document_id])
    change_start(collection=notes, action="trash", detail={}, documents=skipped, by=boss)
    person_erase(person=anna, delete_judgements=how == "deleted")
    assert COMMENT not in json_columns()
    assert str(ANNA) not in json_columns()
    change_undo(change_set=done, by=boss)
    change_start(
        collection=notes, action="restore", detail={}, documents=TrashedDocument.objects.filter(pk=gone.pk),
        by=boss,
    )  # fmt: skip
    assert Document.objects.count() == 3
    left = {(name, "", 3) for name in "abc"} if how == "anonymous" else set()
    assert as_kept() == left
    assert len(set(Judgement.objects.values_list("session", flat=True))) == len(left) / 3


@pytest.mark.parametrize("who", ["person", "session"])
def test_old_judgements_become_nobodys_with_their_copies(notes, boss, anna, settings, who):
    settings.CONFIG = replace(settings.CONFIG, rater_keep_days=30)
    session = "0123456789abcdef" * 2
    rater = {"user": anna} if who == "person" else {"session": session}
    old = timezone.now() - timedelta(days=31)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timezone, "now", lambda: old)
        done, *_ = merged(notes, boss, **rater)
    assert records_due()
    expire()
    assert not [told for told in (COMMENT, str(ANNA), session) if told in json_columns()]
    assert not Judgement.objects.exclude(user=None, comment="").exists()
    assert not Judgement.objects.filter(session=session).exists()
    names = set(Judgement.objects.values_list("session", flat=True))
    assert not records_due()
    change_undo(change_set=done, by=boss)
    assert as_kept() == {("a", "", 3), ("b", "", 3)}
    assert set(Judgement.objects.values_list("session", flat=True)) == names


def test_copies_alone_are_due_too(notes, boss, anna, settings):
    settings.CONFIG = replace(settings.CONFIG, rater_keep_days=30)
    gone = save_document(notes, "a", title="Pump")
    old = timezone.now() - timedelta(days=31)
    judged(gone, kept_query([gone]), user=anna)
    judged(gone, kept_query([gone]), user=boss)
    Judgement.objects.filter(user=anna).update(updated_at=old)
    trashed = picked_documents(notes, [gone.pk])
    change_start(collection=notes, action="trash", detail={}, documents=trashed, by=boss)
    assert records_due()
    expire()
    assert not records_due()
    kept = [row["fields"] for row in TrashedDocument.objects.get().kept if row["model"] == "search.judgement"]
    assert [(row["user"], row["comment"]) for row in kept] == [(None, ""), (boss.pk, COMMENT)]


def test_two_people_and_a_session_stay_as_many_raters(notes, boss, anna, settings):
    settings.CONFIG = replace(settings.CONFIG, rater_keep_days=30)
    documents = [save_document(notes, name, title="Pump") for name in "ab"]
    query = kept_query(documents)
    for document in documents:
        for rater in ({"user": anna}, {"user": boss}, {"session": "ab" * 20}):
            judged(document, query, **rater)
    Judgement.objects.update(updated_at=timezone.now() - timedelta(days=31))
    expire()
    sessions = list(Judgement.objects.order_by("document", "pk").values_list("session", flat=True))
    assert sessions[:3] == sessions[3:]
    assert len(set(sessions)) == 3
    expire()
    assert list(Judgement.objects.order_by("document", "pk").values_list("session", flat=True)) == sessions


def expire() -> None:
    assert (
        run_job_inline(job_create_once(EXPIRE_RECORDS, EXPIRE_RECORDS.parameters())[0]).state == "succeeded"
    )


def test_of_what_the_trash_keeps_judgements_and_skips_alone_name_people():
    names = {(field.model, field.name) for field in people_fields()}
    found, level = set(), {Document}
    while level:
        below = set()
        for model in level:
            for relation in model._meta.get_fields(include_hidden=True):
                if isinstance(relation, models.ManyToOneRel) and relation.on_delete is models.CASCADE:
                    below.add(relation.related_model)
        level = below - found - set(DERIVED)
        found |= level
    assert {(model, name) for model, name in names if model in found} == {
        (Judgement, "user"),
        (JudgingSkip, "user"),
    }

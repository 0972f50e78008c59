"""The challenger in the shadow: which searches it is asked, when, and what is compared."""

from __future__ import annotations

import uuid
from datetime import timedelta

import numpy as np
import pytest
from django.urls import reverse
from django.utils import timezone

from models_admin import services
from models_admin.challenger import challenger_end, challenger_share
from models_admin.models import Alias
from retrieval_site.accounts.models import User
from retrieval_site.errors import AppError
from search.judged import asking as judged_asking
from search.models import Document, InterleavedAnswer, Judgement, OpenedHit, Query, ShadowAnswer, ShadowTally
from search.side_by_side.credit import DECIDED_MIN, credit_of, credit_panel
from search.side_by_side.shadow import (
    is_in_share,
    searches_dropped,
    shadow_panel,
    shadow_start_due,
    shadow_summary,
    shadow_verdict,
)
from tests.search.judged.test_measure import DIM, FakeEncoder
from tests.support.corpus import make_collection, make_documents, make_version, store
from tests.support.queries import make_query
from workers.jobs.runner import run_job_inline
from workers.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fake_encoder(monkeypatch):
    monkeypatch.setattr(judged_asking, "encoder_of", lambda version: FakeEncoder())


@pytest.fixture
def passages():
    return make_documents(make_collection(), DIM)


@pytest.fixture
def challenger(passages):
    """It finds the document after the right one, and is asked all live searches."""
    found = []
    for moved, name in enumerate(("first", "second")):
        version = make_version(name, dim=DIM, champion=not moved)
        store(version, passages, np.roll(np.eye(DIM, dtype=np.float32), moved, axis=0))
        found.append(version)
    Alias.objects.create(name="challenger", version=found[1], share=1.0)
    return found[1]


def live(number, **fields):
    """A search of now that the champion answered with document `number` first."""
    documents = list(Document.objects.order_by("pk").values_list("pk", flat=True))
    order = [documents[number], *(pk for pk in documents if pk != documents[number])]
    query = make_query(modality="text", text=str(number), version=services.champion())
    values = {
        "answer": [{"document": pk, "passage": pk, "score": 1.0} for pk in order],
        "created_at": timezone.now() - timedelta(minutes=5),
    }
    Query.objects.filter(pk=query.pk).update(**values | fields)
    return Query.objects.get(pk=query.pk)


def asked():
    job = shadow_start_due()
    return run_job_inline(job) if job else None


def test_a_live_search_is_asked_of_the_challenger_once(challenger, passages):
    query = live(2)
    asked()
    row = ShadowAnswer.objects.get()
    documents = list(Document.objects.order_by("pk").values_list("pk", flat=True))
    assert row.query == query
    assert row.champion[0] == documents[2]
    assert row.documents[0] == documents[3]
    assert row.overlap == DIM
    assert asked() is None


def test_a_search_that_is_deleted_meanwhile_keeps_the_others_from_nothing(challenger, monkeypatch):
    gone, left = live(2), live(3)
    plain = judged_asking.rankings

    def deleted_first(*args, **options):
        found = plain(*args, **options)
        Query.objects.filter(pk=gone.pk).delete()
        return found

    monkeypatch.setattr(judged_asking, "rankings", deleted_first)
    assert asked().state == "succeeded"
    assert ShadowAnswer.objects.get().query == left


@pytest.mark.parametrize(
    "fields",
    [
        {"created_at": timezone.now() - timedelta(minutes=11)},
        {"listed": False},
        {"sort": "-created_at"},
        {"version": None},
        {"min_relevance": 0.5},
    ],
)
def test_old_and_other_searches_are_not_asked(challenger, fields):
    if "created_at" in fields:
        fields = {"created_at": timezone.now() - timedelta(minutes=11)}
    live(2, **fields)
    assert asked() is None


def test_a_few_searches_wait_a_while_for_others_and_many_do_not(challenger):
    live(2, created_at=timezone.now())
    assert asked() is None
    for _ in range(19):
        live(3, created_at=timezone.now())
    asked()
    assert ShadowAnswer.objects.count() == 20


def test_nothing_is_asked_while_other_work_waits(challenger):
    live(2)
    Job.objects.create(type="encode", state="queued")
    assert asked() is None


def test_nothing_is_asked_without_a_share(challenger):
    live(2)
    challenger_share(share=0)
    assert asked() is None
    with pytest.raises(AppError, match=r"parameter\.invalid"):
        challenger_share(share=float("nan"))
    challenger_end()
    with pytest.raises(AppError, match=r"model\.not_found"):
        challenger_share(share=0.5)


def test_a_share_of_searches_is_a_share():
    draw = np.random.default_rng(0)
    ids = [uuid.UUID(bytes=draw.bytes(16), version=4) for _ in range(4000)]
    assert sum(is_in_share(one, 0.25) for one in ids) == pytest.approx(1000, abs=110)
    assert not any(is_in_share(one, 0) for one in ids)
    assert all(is_in_share(one, 1) for one in ids)


def test_what_was_opened_and_marked_is_compared(challenger, client):
    person = User.objects.create_user("searcher")
    query = live(2, user=person)
    asked()
    documents = list(Document.objects.order_by("pk"))
    Judgement.objects.create(query=query, document=documents[2], grade=2, user=person)
    where = reverse("search:document", args=[documents[2].pk])
    client.get(f"{where}?q={query.pk}")  # somebody who followed a link
    assert not OpenedHit.objects.exists()
    client.force_login(person)
    for _ in range(2):
        client.get(f"{where}?q={query.pk}")
    assert OpenedHit.objects.get().document == documents[2]
    found = shadow_summary(challenger)
    assert found.answers == 1
    assert found.same_first == 0
    assert found.opened.documents == found.relevant.documents == 1
    assert found.opened.champion_mrr == 1
    assert found.opened.challenger_mrr < 1
    assert "1 live searches" in shadow_panel(challenger).note


def test_searches_that_were_never_asked_are_counted_once(challenger):
    for minutes in (30, 12, 5):
        live(2, created_at=timezone.now() - timedelta(minutes=minutes))
    Job.objects.create(type="encode", state="queued")  # no time for the challenger
    assert asked() is None
    assert searches_dropped(challenger) == 0  # they were made before anybody counted
    ShadowTally.objects.update(counted_until=timezone.now() - timedelta(minutes=20))
    for _ in range(2):
        asked()
    assert searches_dropped(challenger) == 0  # nor was it the challenger yet
    Alias.objects.filter(name="challenger").update(changed_at=timezone.now() - timedelta(minutes=25))
    for _ in range(2):
        asked()
    assert searches_dropped(challenger) == 1
    assert ("dropped", 1) in shadow_panel(challenger).rows
    Job.objects.all().delete()
    asked()
    assert "1 of its share were dropped" in shadow_panel(challenger).note
    assert "(1 dropped)" in shadow_verdict(challenger, services.champion()).says


@pytest.mark.parametrize("began", ["again", "share"])
def test_searches_between_two_challenges_are_not_counted_as_dropped(challenger, began):
    long_ago = timezone.now() - timedelta(days=20)
    ShadowTally.objects.create(version=challenger, counted_until=long_ago)
    Alias.objects.filter(name="challenger").update(changed_at=long_ago)
    live(2, created_at=timezone.now() - timedelta(days=3))
    if began == "again":
        challenger_end()
        services.version_activate(version=challenger, alias="challenger")
    challenger_share(share=1)
    asked()
    assert searches_dropped(challenger) == 0


def test_searches_that_are_asked_right_now_are_not_counted_as_dropped(challenger):
    hour = timezone.now() - timedelta(hours=1)
    ShadowTally.objects.create(version=challenger, counted_until=hour)
    Alias.objects.filter(name="challenger").update(changed_at=hour)
    query = live(2)
    job = shadow_start_due()
    ShadowTally.objects.update(counted_until=hour)
    Query.objects.filter(pk=query.pk).update(created_at=timezone.now() - timedelta(minutes=10, seconds=1))
    assert shadow_start_due() is None
    assert searches_dropped(challenger) == 0
    Job.objects.filter(pk=job.pk).update(state="failed")
    asked()
    assert searches_dropped(challenger) == 1


def drawn(challenger, liked, *, teams=("champion", "challenger"), outcome="shown"):
    """A search drawn from both, in which the document of one team was opened."""
    query = live(2)
    documents = [hit["document"] for hit in query.answer[:2]]
    InterleavedAnswer.objects.create(
        query=query,
        version=challenger,
        answered_by=query.version,
        outcome=outcome,
        teams=dict(zip(map(str, documents), teams, strict=True)) if outcome == "shown" else {},
        waited_ms=12.0,
    )
    if liked is not None:
        OpenedHit.objects.create(query=query, document_id=documents[teams.index(liked)])
    return query, documents


def test_an_answer_that_is_the_challengers_too_is_not_compared_with_it(challenger):
    drawn(challenger, None)
    assert asked() is None


def test_drawn_answers_credit_whose_documents_people_like(challenger):
    for liked in ("challenger", "challenger", "champion", None):
        drawn(challenger, liked)
    query, documents = drawn(challenger, "challenger")
    person = User.objects.create_user("rater")
    Judgement.objects.create(
        query=query, document_id=documents[1], grade=0, user=person
    )  # opened, and no good
    drawn(challenger, None, outcome="late")
    found = credit_of(challenger, services.champion())
    assert (found.wins, found.losses, found.ties, found.silent) == (2, 1, 0, 2)
    assert (found.shown, found.dropped, found.waited_ms) == (5, 1, 12.0)
    assert credit_of(challenger, challenger) is None
    assert "too few" in credit_panel(challenger).note


def test_the_gate_refuses_whose_documents_people_like_less(challenger):
    for _ in range(DECIDED_MIN - 1):
        drawn(challenger, "champion")
    assert not services.judged_worse(challenger)
    drawn(challenger, "champion")
    with pytest.raises(AppError, match=r"version\.judged_worse") as refused:
        services.version_activate(version=challenger)
    assert "people prefer what first@1 finds (sign test)" in refused.value.message


def test_nobody_notes_what_is_opened_without_a_challenger(challenger, client):
    query = live(2)
    challenger_end()
    client.get(f"{reverse('search:document', args=[Document.objects.first().pk])}?q={query.pk}")
    assert not OpenedHit.objects.exists()


def test_a_former_challenger_is_not_asked(challenger):
    live(2)
    job = shadow_start_due()
    challenger_end()
    run_job_inline(job)
    assert Job.objects.get(pk=job.pk).error_id == "model.not_found"
    assert not ShadowAnswer.objects.exists()

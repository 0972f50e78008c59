"""Answers that two rankings take turns in: how they are drawn, which searches, and what is dropped."""

from __future__ import annotations

import time
from itertools import cycle

import numpy as np
import pytest
from django.db import connection

from models_admin.challenger import challenger_interleave
from models_admin.models import Alias
from retrieval_site.accounts.models import User
from retrieval_site.errors import AppError
from search.models import Document, InterleavedAnswer, Query
from search.retrieval import interleaving, search
from search.retrieval.team_draft import team_draft
from search.retrieval.types import EncodedPart, EncodedQuery, SearchRequest, TextPart
from tests.search.test_side_by_side import versions
from workers.encoding import wire
from workers.encoding.client import text_start

__all__ = ["versions"]  # a fixture
DIM = 8


def heads():
    return cycle([True]).__next__


def test_each_team_adds_its_best_in_turn_behind_what_both_begin_with():
    drafted = team_draft([1, 2, 3, 4, 5], [1, 9, 2, 8, 7], 5, heads())
    assert drafted.order == (1, 2, 9, 3, 8)
    assert drafted.teams == {2: "champion", 9: "challenger", 3: "champion", 8: "challenger"}


def test_equal_rankings_stay_and_say_nothing():
    drafted = team_draft([3, 1, 2], [3, 1, 2], 10, heads())
    assert drafted.order == (3, 1, 2)
    assert drafted.teams == {}


def test_the_draft_ends_where_one_has_nothing_left():
    drafted = team_draft([1, 2, 3, 4], [9], 10, lambda: False)
    assert drafted.order == (9, 1)
    assert set(drafted.teams) == {9, 1}


def test_clicks_without_preference_favour_nobody():
    draw = np.random.default_rng(0)
    credit = {"champion": 0, "challenger": 0}
    for _ in range(2000):
        one, other = (draw.permutation(12).tolist() for _ in range(2))
        drafted = team_draft(one, other, 10, lambda: bool(draw.integers(2)))
        for rank, document in enumerate(drafted.order):
            if document in drafted.teams and draw.random() < 1 / (rank + 1):  # the first is opened most
                credit[drafted.teams[document]] += 1
    both = sum(credit.values())
    assert abs(credit["champion"] / both - 0.5) < 3 * 0.5 / both**0.5


class FakeBeside:
    """The challenger's vector of “n”: there at once, unless it is late or fails."""

    late = failing = False

    def __init__(self, version, parts):
        vector = np.eye(DIM, dtype=np.float32)[[int(parts[0].text)]]
        self.version, self.query = version, EncodedQuery(version, (EncodedPart("text", vector),))

    def arrived(self, seconds):
        if FakeBeside.failing:
            raise AppError("encoder.failed")
        return None if FakeBeside.late else self.query

    def finish(self):
        return self.query


@pytest.fixture
def challenger(versions, monkeypatch):
    """The second version, whose first document is the one after the champion's, takes turns in all answers."""
    monkeypatch.setattr(interleaving, "Beside", FakeBeside)
    monkeypatch.setattr(interleaving, "versions_loaded", lambda versions: True)
    monkeypatch.setattr(interleaving, "_CHANCE", type("Heads", (), {"random": staticmethod(lambda: 0.0)}))
    monkeypatch.setattr(FakeBeside, "late", False)
    monkeypatch.setattr(FakeBeside, "failing", False)
    challenger_interleave(share=1.0)
    interleaving.challenger_forget()
    yield versions[1]
    interleaving.challenger_forget()


def asked(words="2", **fields):
    fields = {"may_interleave": True, "mode": "dense"} | fields
    return search(SearchRequest(User.objects.first(), (TextPart(words),), **fields))


@pytest.mark.django_db
def test_an_answer_is_drawn_from_both_and_kept_with_whose_turn_it_was(challenger):
    documents = list(Document.objects.order_by("pk").values_list("pk", flat=True))
    found = [hit.document.pk for hit in asked().hits]
    assert found[:2] == [documents[2], documents[3]]
    assert sorted(found) == sorted(documents)
    row = InterleavedAnswer.objects.get()
    assert row.outcome == "shown"
    assert (row.teams[str(documents[2])], row.teams[str(documents[3])]) == ("champion", "challenger")
    assert row.version == challenger
    assert [hit["document"] for hit in Query.objects.get().answer] == found


@pytest.mark.django_db
@pytest.mark.parametrize("fields", [{"may_interleave": False}, {"sort": "title"}, {"model": "second@1"}])
def test_other_searches_are_left_alone(challenger, fields):
    asked(**fields)
    assert not InterleavedAnswer.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(("what", "outcome"), [("late", "late"), ("failing", "failed")])
def test_what_is_not_there_in_time_is_dropped_and_counted(challenger, monkeypatch, what, outcome):
    plain = [hit.document.pk for hit in asked(may_interleave=False).hits]
    monkeypatch.setattr(FakeBeside, what, True)
    assert [hit.document.pk for hit in asked().hits] == plain
    assert InterleavedAnswer.objects.get().outcome == outcome


@pytest.mark.django_db
def test_a_version_that_no_worker_has_loaded_is_not_asked(challenger, monkeypatch):
    monkeypatch.setattr(interleaving, "versions_loaded", lambda versions: False)
    interleaving.challenger_forget()
    asked()
    row = InterleavedAnswer.objects.get()
    assert (row.outcome, row.waited_ms < 5) == ("late", True)


@pytest.mark.django_db
def test_a_ranking_that_takes_longer_than_the_budget_ends(challenger, monkeypatch):
    def slow(asked):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(5)")

    plain = [hit.document.pk for hit in asked(may_interleave=False).hits]
    monkeypatch.setattr(interleaving, "run", slow)
    started = time.monotonic()
    assert [hit.document.pk for hit in asked().hits] == plain
    assert time.monotonic() - started < 4
    assert InterleavedAnswer.objects.get().outcome == "late"
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone()[0] == "0"


@pytest.mark.django_db
def test_a_share_and_a_budget_are_bounded(challenger):
    for wrong in ({"share": 1.1}, {"share": 1, "budget_ms": 0}, {"share": 1, "budget_ms": 501}):
        with pytest.raises(AppError, match=r"parameter\.invalid"):
            challenger_interleave(**wrong)
    challenger_interleave(share=0.5, budget_ms=80)
    alias = Alias.objects.get(name="challenger")
    assert (alias.interleaved, alias.budget_ms) == (0.5, 80)


def test_a_question_beside_another_waits_no_longer_than_it_may(monkeypatch):
    monkeypatch.setattr(wire, "BESIDE_KEY", "test:beside")
    pending = text_start(type("V", (), {"pk": 10**9}), "nobody answers this", beside=True)
    assert not pending.arrived(0)
    assert not pending.arrived(0.01)
    assert 0 < wire.client().pttl(wire.INPUT_PREFIX + pending.id) <= 2000
    wire.client().delete("test:beside")

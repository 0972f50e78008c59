"""Judgements: one grade per query, document and rater; of what was shown, by the asker of all that they see."""

from __future__ import annotations

import threading
import uuid

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.db import connection

from retrieval_site.errors import AppError
from search.models import Collection, Document, Judgement, Query
from search.services.judgements import judgement_clear, judgement_set, judgements_of
from tests.support.queries import make_query

NOBODY = AnonymousUser()


@pytest.fixture
def anna(db):
    return get_user_model().objects.create_user("anna")


@pytest.fixture
def shown(db) -> Document:
    collection = Collection.objects.create(slug="pumps", name="Pumps", visibility="public")
    return Document.objects.create(collection=collection, external_id="p-1", title="A pump")


@pytest.fixture
def query(shown) -> Query:
    return make_query(modality="text", text="pump", answer=[{"document": shown.pk, "score": 0.5}])


def judge(query, document, viewer=NOBODY, session="", grade=2, comment=None) -> Judgement:
    return judgement_set(
        query_id=query.pk,
        document_id=document.pk,
        viewer=viewer,
        session=session,
        grade=grade,
        comment=comment,
    )


def refused(call, *args, **kwargs) -> str:
    with pytest.raises(AppError) as failure:
        call(*args, **kwargs)
    return failure.value.id


def test_what_marks_moved_is_judged_for_the_search_on_which_they_stand(query, shown, anna):
    moved = make_query(modality="text", text="pump", answer=query.answer, marked=query)
    kept = judge(moved, shown, anna, grade=2)
    assert kept.query_id == query.pk
    assert judgements_of(moved, anna, "")[shown.pk] == judgements_of(query, anna, "")[shown.pk] == kept
    assert judgement_clear(query_id=moved.pk, document_id=shown.pk, viewer=anna, session="")
    judge(query, shown, anna)
    query.delete()  # with all that came of it
    assert not Query.objects.exists()


def test_what_only_the_moved_search_found_can_be_judged(query, shown, anna):
    other = Document.objects.create(collection=shown.collection, external_id="p-2")
    moved = make_query(modality="text", answer=[{"document": other.pk, "score": 0.5}], marked=query)
    assert judge(moved, other, anna).query_id == query.pk


def test_a_second_judgement_of_the_same_rater_replaces_the_first(query, shown, anna):
    first = judge(query, shown, anna, grade=2, comment="right pump")
    second = judge(query, shown, anna, grade=0)
    assert (first.is_new, second.is_new) == (True, False)
    assert first.pk == second.pk
    assert (second.grade, second.comment) == (0, "right pump")
    assert second.updated_at > second.created_at
    assert Judgement.objects.count() == 1


def test_a_comment_can_be_emptied(query, shown, anna):
    judge(query, shown, anna, comment="wrong")
    assert judge(query, shown, anna, comment="").comment == ""


def test_raters_do_not_overwrite_each_other(query, shown, anna):
    judge(query, shown, anna, grade=3)
    judge(query, shown, session="one", grade=2)
    judge(query, shown, session="two", grade=0)
    assert judgements_of(query, anna, "")[shown.pk].grade == 3
    assert judgements_of(query, NOBODY, "one")[shown.pk].grade == 2
    assert judgements_of(query, NOBODY, "two")[shown.pk].grade == 0


def test_a_signed_in_rater_is_known_by_name_whatever_their_session(query, shown, anna):
    judge(query, shown, anna, session="a session key")
    assert Judgement.objects.get().session == ""


def test_somebody_without_user_and_session_cannot_judge_and_has_judged_nothing(query, shown):
    assert refused(judge, query, shown) == "auth.required"
    assert judgements_of(query, NOBODY, "") == {}
    assert judgements_of(query, None, "") == {}


@pytest.fixture
def missed(shown) -> Document:
    """A document that the search did not find."""
    return Document.objects.create(collection=shown.collection, external_id="p-2")


def test_whoever_asked_may_judge_what_the_search_missed(query, missed, anna):
    Query.objects.update(user=anna)
    assert judge(query, missed, anna, grade=3).grade == 3


def test_an_anonymous_asker_may_judge_what_the_search_missed_in_the_same_session(query, missed):
    Query.objects.update(session="one")
    assert judge(query, missed, session="one").document_id == missed.pk
    assert refused(judge, query, missed, session="two") == "document.not_found"


def test_in_somebody_elses_query_only_what_was_found_can_be_judged(query, missed, anna):
    assert refused(judge, query, missed, anna) == "document.not_found"


def test_a_missed_document_that_the_asker_may_not_see_is_not_there(query, missed, anna):
    Query.objects.update(user=anna)
    Collection.objects.update(visibility="private")
    assert refused(judge, query, missed, anna) == "document.not_found"


def test_a_document_that_the_rater_may_no_longer_see_cannot_be_judged(query, shown, anna):
    judge(query, shown, anna)
    Collection.objects.update(visibility="private")
    assert refused(judge, query, shown, anna) == "document.not_found"
    assert judgements_of(query, anna, "") == {}


@pytest.mark.parametrize("missing", [uuid.uuid4(), "no uuid"])
def test_a_query_that_does_not_exist_is_not_found(missing, shown, anna):
    call = {"document_id": shown.pk, "viewer": anna, "session": "", "grade": 1}
    assert refused(judgement_set, query_id=missing, **call) == "query.not_found"


@pytest.mark.parametrize("grade", [-1, 4, True])
def test_a_grade_is_one_of_four(grade, query, shown, anna):
    assert refused(judge, query, shown, anna, grade=grade) == "parameter.invalid"


def test_a_comment_has_an_end(query, shown, anna):
    assert refused(judge, query, shown, anna, comment="x" * 2001) == "parameter.invalid"


def test_undoing_removes_only_the_raters_own_judgement(query, shown, anna):
    judge(query, shown, anna)
    judge(query, shown, session="one")
    undo = {"query_id": query.pk, "document_id": shown.pk}
    assert judgement_clear(**undo, viewer=anna, session="") is True
    assert judgement_clear(**undo, viewer=anna, session="") is False
    assert Judgement.objects.get().session == "one"


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_leave_one_judgement(query, shown, anna):
    new = []

    def click(grade: int) -> None:
        new.append(judge(query, shown, anna, grade=grade).is_new)
        connection.close()

    clicks = [threading.Thread(target=click, args=[grade]) for grade in (0, 1, 2, 3) * 3]
    for click_thread in clicks:
        click_thread.start()
    for click_thread in clicks:
        click_thread.join()
    assert Judgement.objects.count() == 1
    assert sorted(new) == [False] * 11 + [True]

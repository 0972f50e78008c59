"""Marks move a search: towards what is relevant, away from what is not, from where it began, and back again."""

from __future__ import annotations

import numpy as np
import pytest

from retrieval_site.errors import AppError
from search.models import Query
from search.retrieval import reopen, search, search_again, search_by_marks
from search.retrieval.again import same_again
from search.retrieval.encode import Known
from search.retrieval.explain import explain
from search.retrieval.keep import encoded_of
from search.retrieval.rocchio import AWAY, moved
from search.retrieval.runner import Asked, run
from search.retrieval.scope import scope_for
from search.retrieval.types import EmbeddingPart, EncodedPart, EncodedQuery, SearchRequest
from search.vectors.background import backgrounds_forget
from tests.support.corpus import make_documents, make_version, store, unit_rows

pytestmark = pytest.mark.django_db
DIM = 16
PUMP, VALVE, RED, GREEN = np.eye(DIM, dtype=np.float32)[:4]
NOTHING = np.zeros(DIM, dtype=np.float32)


@pytest.fixture(autouse=True)
def _nothing_kept():
    backgrounds_forget()


@pytest.fixture
def documents(version, collection):
    """Forty unrelated documents, then five red pumps, five green pumps, and five red valves: their ids by name."""
    passages = make_documents(collection, 55)
    draw = np.random.default_rng(5).normal(size=(55, DIM)) * 0.05
    said = draw + np.repeat([NOTHING, PUMP + RED, PUMP + GREEN, VALVE + RED], [40, 5, 5, 5], axis=0)
    store(version, passages, unit_rows(said))
    ids = [row.document_id for row in passages]
    return {"red pumps": ids[40:45], "green pumps": ids[45:50], "red valves": ids[50:]}


@pytest.fixture
def asked(version, documents) -> Query:
    """A search for a pump that is a little red."""
    part = EmbeddingPart(tuple(map(float, unit_rows((PUMP + 0.3 * RED)[None])[0])))
    answer = search(SearchRequest(viewer=None, parts=(part,), model=version.key))
    return Query.objects.get(pk=answer.query_id)


def mark(query, grades, limit=10, **fields):
    return search_by_marks(query, same_again(query, None, "", limit), grades, **fields)


def found(answer):
    return [hit.document.pk for hit in answer.hits]


def test_a_vector_moves_towards_one_and_away_from_another_by_deviations_of_their_scores():
    sample = np.diag([1.0, 2.0, 4.0, 1.0]).astype(np.float32)
    asked, towards, away = np.eye(4, dtype=np.float32)[:3]
    deviations = sample.std(axis=0)
    wanted = np.array([1 / deviations[0], 1 / deviations[1], -AWAY / deviations[2], 0])
    assert moved(asked, towards, away, sample) == pytest.approx(wanted / np.linalg.norm(wanted), abs=1e-6)
    assert moved(asked, np.zeros(4, np.float32), np.zeros(4, np.float32), sample) == pytest.approx(asked)


def test_relevant_ones_bring_what_is_like_them_and_others_go(asked, documents):
    red, green, valves = documents["red pumps"], documents["green pumps"], documents["red valves"]
    assert set(found(reopen(asked.pk, None))[:10]) == set(red + green)
    greens = mark(asked, {green[0]: 2})
    assert set(found(greens)[:5]) == set(green)
    reds = mark(asked, {valves[0]: 2, red[0]: 2, green[0]: 0})
    assert set(found(reds)) >= set(red + valves) - {red[-1], valves[-1]}


def test_what_was_marked_as_not_relevant_is_left_out_on_every_page(asked, documents):
    red = documents["red pumps"]
    answer = mark(asked, dict.fromkeys(red, 0), limit=5)
    query = Query.objects.get(pk=answer.query_id)
    query.answer, query.plan["more"] = query.answer[:5], True
    query.save()
    everything = found(reopen(query.pk, None, 100))
    assert len(everything) == 50
    assert not set(red) & set(everything)
    again = search_again(query, same_again(query, None, "", 100))
    assert not set(red) & set(found(again))


def test_words_alone_are_moved_by_vectors_beside_them(version, documents):
    query = Query.objects.create(version=version, answer=[], mode="lexical")
    query.parts.create(modality="text", text="xyzzy", embedding=b"")
    answer = mark(query, {documents["red valves"][0]: 2})
    assert "dense" in answer.plan.retrievers
    assert set(found(answer)[:5]) == set(documents["red valves"])


def test_a_better_grade_counts_for_more(asked, documents):
    red, green = documents["red pumps"][0], documents["green pumps"][0]
    firsts = [found(mark(asked, grades))[0] for grades in ({red: 3, green: 1}, {red: 1, green: 3})]
    assert firsts[0] in documents["red pumps"]
    assert firsts[1] in documents["green pumps"]


def test_what_was_not_found_may_be_marked_too(asked, documents):
    valve = documents["red valves"][-1]
    assert valve not in [entry["document"] for entry in asked.answer[:10]]
    assert valve in found(mark(asked, {valve: 2}))


def test_the_search_says_what_moved_it_and_the_one_before_stays(asked, documents):
    before, grades = (
        found(reopen(asked.pk, None)),
        {documents["green pumps"][0]: 2, documents["red pumps"][0]: 0},
    )
    answer = mark(asked, grades)
    green, red = grades
    assert (answer.marks.query_id, answer.marks.relevant, answer.marks.not_relevant) == (
        asked.pk,
        (green,),
        (red,),
    )
    assert found(reopen(asked.pk, None)) == before
    assert reopen(asked.pk, None).marks is None


def test_more_marks_move_it_from_where_it_began(asked, documents):
    green, red = documents["green pumps"][0], documents["red pumps"][0]
    once = Query.objects.get(pk=mark(asked, {green: 2}).query_id)
    twice = mark(once, {red: 2, green: 0})
    assert found(twice) == found(mark(asked, {red: 2, green: 0}))
    assert twice.marks.query_id == asked.pk


def test_its_further_pages_and_its_filters_keep_the_move(asked, documents):
    first = mark(asked, {documents["green pumps"][0]: 2}, limit=3)
    query = Query.objects.get(pk=first.query_id)
    rest = reopen(query.pk, None, 2, first.next)
    assert set(found(first) + found(rest)) == set(documents["green pumps"])
    again = search_again(query, same_again(query, None, "", 5))
    assert set(found(again)) == set(documents["green pumps"])
    assert again.marks == first.marks
    query.answer = query.answer[:2]
    query.plan["more"] = True
    query.save()
    assert found(reopen(query.pk, None, 5)) == found(first) + found(rest)


def test_several_parts_are_moved_as_one(version, documents):
    parts = tuple(EmbeddingPart(tuple(map(float, vector))) for vector in (PUMP, RED))
    kept = search(SearchRequest(viewer=None, parts=parts, model=version.key)).query_id
    answer = mark(Query.objects.get(pk=kept), {documents["green pumps"][0]: 2, documents["red pumps"][0]: 0})
    assert set(found(answer)[:5]) == set(documents["green pumps"])
    assert [part.modality for part in answer.parts] == ["embedding", "embedding"]


def test_words_that_the_model_does_not_know_are_found_by_marks_alone(version, documents):
    query = Query.objects.create(version=version, answer=[])
    query.parts.create(modality="text", text="xyzzy", embedding=b"")
    answer = mark(query, {documents["red valves"][0]: 2})
    assert set(found(answer)[:5]) == set(documents["red valves"])
    assert answer.parts[0].text == "xyzzy"


def test_a_hit_of_a_moved_search_is_explained_by_the_vector_that_found_it(asked, documents, monkeypatch):
    answer = mark(asked, {documents["green pumps"][0]: 2})
    query, scored = Query.objects.get(pk=answer.query_id), []
    monkeypatch.setattr(
        "search.retrieval.explain._of_text", lambda version, text, score: scored.append(score)
    )
    monkeypatch.setattr("search.retrieval.explain._matched", lambda why, language: why)
    explain(query, answer.hits[0])
    assert scored[-1](GREEN[None])[0] > scored[-1](RED[None])[0]


def test_no_relevance_is_claimed_for_a_vector_that_nobody_sent(asked, documents):
    assert {hit.relevance for hit in mark(asked, {documents["green pumps"][0]: 2}).hits} == {None}


def test_without_a_vector_of_what_was_marked_nothing_moves(asked, collection):
    (unencoded,) = make_documents(collection, 1)
    with pytest.raises(AppError) as failure:
        mark(asked, {unencoded.document_id: 2})
    assert failure.value.id == "marks.none"


def test_an_order_similarity_is_not_moved(collection):
    version = make_version(name="order", dim=DIM, similarity="order")
    query = Query.objects.create(version=version)
    query.parts.create(modality="embedding", embedding=PUMP.astype("<f4").tobytes())
    with pytest.raises(AppError) as failure:
        mark(query, {1: 2})
    assert failure.value.id == "marks.order_similarity"


def test_a_moved_query_is_searched_by_its_vector_alone(version, documents, asked):
    encoded = encoded_of(Query.objects.get(pk=mark(asked, {documents["red valves"][0]: 2}).query_id))
    alone = EncodedQuery(version, (EncodedPart("embedding", encoded.moved.vector[None]),))
    scope = scope_for(version, None, "passages")
    ranked = [run(Asked(Known(query), scope, 10, 10)).documents for query in (encoded, alone)]
    assert ranked[0] == ranked[1]

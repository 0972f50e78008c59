"""Queues: where their pairs come from, and several raters who work through one."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from models_admin.models import Alias
from retrieval_site.accounts.models import User
from retrieval_site.errors import AppError
from search.judging import disagreement
from search.judging.candidate import candidate
from search.judging.disagreement import differences
from search.judging.make import queue_create
from search.judging.queues import (
    agreement_in,
    next_pair,
    pair_skip,
    progress,
    queue_for,
    queues_for,
    step_back,
)
from search.judging.unsure import unsure_pairs
from search.models import Document, Judgement, JudgingPair, Membership, Query
from search.services.documents import encode_soon
from search.services.judgements import judgement_set
from search.services.saved_searches import history_clear, searches_of
from search.suggestions import suggestions
from tests.support.corpus import make_collection, make_version, tiny_version
from tests.support.pages import save_document
from tests.support.queries import make_query
from workers.jobs.runner import run_job_inline
from workers.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def collection():
    return make_collection()


@pytest.fixture
def raters(collection):
    people = [User.objects.create(username=name) for name in ("ann", "ben")]
    for person in people:
        Membership.objects.create(collection=collection, user=person, role="curator")
    return people


@pytest.fixture
def documents(collection):
    return [
        save_document(collection, f"d{number}", title=f"Title {number}", body="It leaks.")
        for number in range(6)
    ]


def csv_of(documents, text="a leaking pump") -> bytes:
    return ("document,text\n" + "".join(f"{one.external_id},{text}\n" for one in documents)).encode()


def from_file(collection, rater, file: bytes):
    return queue_create(viewer=rater, collection=collection.slug, name="Pumps", source="file", file=file)


def grade(queue, rater, value: int) -> None:
    pair = next_pair(queue, rater)
    judgement_set(query_id=pair.query_id, document_id=pair.document_id, viewer=rater, session="", grade=value)


def test_each_rater_sees_each_pair_once_in_the_order_of_the_file(collection, raters, documents):
    queue = from_file(collection, raters[0], csv_of(documents))
    for rater in raters:
        seen = []
        while pair := next_pair(queue, rater):
            seen.append(pair.document_id)
            grade(queue, rater, 2)
        assert seen == [document.pk for document in documents]
        assert progress(queue, rater).done == 6


def test_judgements_of_a_pair_by_several_raters_stand_side_by_side_and_give_alpha(
    collection, raters, documents
):
    queue = from_file(collection, raters[0], csv_of(documents))
    for rater, grades in zip(raters, ([0, 1, 2, 3, 0], [0, 1, 2, 3, 3]), strict=True):
        for value in grades:
            grade(queue, rater, value)
    grade(queue, raters[0], 3)  # judged by one: does not count
    assert Judgement.objects.count() == 11
    found = agreement_in(queue)
    assert found.units == 5
    assert found.alpha == pytest.approx(0.4310, abs=1e-4)


def test_a_skipped_pair_is_skipped_for_its_rater_alone_and_back_brings_it_again(
    collection, raters, documents
):
    queue = from_file(collection, raters[0], csv_of(documents))
    first = next_pair(queue, raters[0])
    pair_skip(pair=first, viewer=raters[0])
    pair_skip(pair=first, viewer=raters[0])
    assert next_pair(queue, raters[0]).place == 2
    assert next_pair(queue, raters[1]) == first
    assert progress(queue, raters[0]).skipped == 1
    grade(queue, raters[0], 3)
    assert step_back(queue=queue, viewer=raters[0])
    assert next_pair(queue, raters[0]).place == 2
    assert not Judgement.objects.exists()
    assert step_back(queue=queue, viewer=raters[0])
    assert next_pair(queue, raters[0]) == first
    assert not step_back(queue=queue, viewer=raters[0])


def test_back_takes_nothing_of_another_rater(collection, raters, documents):
    queue = from_file(collection, raters[0], csv_of(documents))
    grade(queue, raters[1], 3)
    assert not step_back(queue=queue, viewer=raters[0])
    assert Judgement.objects.count() == 1


def test_back_takes_nothing_from_before_the_queue(collection, raters, documents):
    query = make_query(modality="text", text="a leak", answer=[{"document": documents[0].pk, "score": 0.5}])
    Judgement.objects.create(query=query, document=documents[0], user=raters[0], grade=3)
    Judgement.objects.update(updated_at=timezone.now() - timedelta(days=1))
    file = f"query,document\n{query.pk},{documents[0].external_id}\n".encode()
    queue = queue_create(viewer=raters[0], collection=collection.slug, name="Old", source="file", file=file)
    assert not step_back(queue=queue, viewer=raters[0])
    assert Judgement.objects.get().grade == 3


@pytest.mark.django_db(transaction=True)
def test_two_raters_at_once_lose_nothing(collection, raters, documents):
    queue = from_file(collection, raters[0], csv_of(documents))

    def work(rater) -> None:
        try:
            for value in (0, 1, 2, 3, 2, 1):
                grade(queue, rater, value)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as both:
        list(both.map(work, raters))
    assert [progress(queue, rater).done for rater in raters] == [6, 6]
    assert agreement_in(queue).alpha == 1


def test_readers_and_strangers_find_no_queue_and_judge_no_pair_of_it(collection, raters, documents):
    queue = from_file(collection, raters[0], csv_of(documents))
    reader, stranger = (User.objects.create(username=name) for name in ("reader", "stranger"))
    Membership.objects.create(collection=collection, user=reader)
    pair = queue.pairs.first()
    for person in (reader, stranger):
        assert not queues_for(person)
        with pytest.raises(AppError, match="queue"):
            queue_for(queue.pk, person)
        with pytest.raises(AppError) as refused:
            judgement_set(
                query_id=pair.query_id, document_id=pair.document_id, viewer=person, session="", grade=2
            )
        assert refused.value.id == "document.not_found"
        with pytest.raises(AppError) as refused:
            from_file(collection, person, csv_of(documents))
        assert refused.value.id == "collection.not_found"


def test_a_document_that_left_the_collection_is_in_its_queues_no_more(collection, raters, documents):
    queue = from_file(collection, raters[0], csv_of(documents))
    Document.objects.filter(pk=documents[0].pk).update(collection=make_collection("other"))
    assert progress(queue, raters[0]).pairs == 5
    assert next_pair(queue, raters[0]).document_id == documents[1].pk


def test_a_file_names_kept_searches_and_words_each_of_which_becomes_one_search(collection, raters, documents):
    kept = make_query(modality="text", text="pump")
    lines = [
        {"document": "d0", "query": str(kept.pk)},
        {"document": "d1", "text": "valve"},
        {"document": "d2", "text": "valve"},
        {"document": "d2", "text": "valve"},
    ]
    queue = from_file(collection, raters[0], "\n".join(map(json.dumps, lines)).encode())
    pairs = list(queue.pairs.order_by("place"))
    assert [pair.document.external_id for pair in pairs] == ["d0", "d1", "d2"]
    assert pairs[0].query == kept
    assert pairs[1].query == pairs[2].query
    assert (pairs[1].query.text, pairs[1].query.user) == ("valve", raters[0])


@pytest.mark.parametrize(
    ("file", "error", "line"),
    [
        (b"", "judging.nothing", None),
        (b"document,text\n", "judging.nothing", None),
        (b"\xff\xfe", "judging.file_not_text", None),
        (b"x" * 900_001, "judging.file_too_large", None),
        (b"document,text\n" + b"d0,a\n" * 2_001, "judging.file_too_large", None),
        (b"document,text\nd0,a\n,b\n", "judging.line", 3),
        (b"document,text\nd0,\n", "judging.line", 2),
        (b"document,text\nd0,a,b\n", "judging.line", 2),
        (b'document,text\n"d0,a\n', "judging.line", 2),
        (b"document,query\nd0,1\n", "judging.line", 2),
        (b"document,query,text\nd0,00000000-0000-0000-0000-000000000000,a\n", "judging.line", 2),
        (b"document,query\nd0,00000000-0000-0000-0000-000000000000\n", "judging.line_query", 2),
        (b"document,text\nd0,a\nzzz,a\n", "judging.line_document", 3),
        (b"document,text\nd0," + b"a" * 2_001 + b"\n", "judging.line", 2),
        (b"document,text\nd0,a\x00\n", "judging.line", 2),
        (b'{"document": "d0", "text": "a"}\n[1]\n', "judging.line", 2),
        (b'{"document": "d0", "text": "a"}\n{"document": \n', "judging.line", 2),
        (b'{"document": {}, "text": "a"}\n', "judging.line", 1),
        (b'{"document": "d0", "text": "\\ud800"}\n', "judging.line", 1),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_line_and_leaves_nothing(
    file, error, line, collection, raters, documents
):
    with pytest.raises(AppError) as refused:
        from_file(collection, raters[0], file)
    assert (refused.value.id, refused.value.detail.get("line")) == (error, line)
    assert not JudgingPair.objects.exists()
    assert not Query.objects.exists()


def test_unsure_hits_come_nearest_the_line_first_at_most_five_of_a_search(collection, raters, documents):
    relevances = [0.95, 0.52, 0.15, 0.4, 0.75, 0.61]
    answer = [
        {"document": document.pk, "score": 0.5, "relevance": relevance}
        for document, relevance in zip(documents, relevances, strict=True)
    ]
    make_query(modality="text", text="pump", answer=answer)
    words = [{"document": documents[0].pk, "score": 0.5, "strength": "fair"}]
    make_query(modality="text", text="valve", answer=words, match="weak")
    make_query(modality="text", text="sure", answer=[words[0] | {"strength": "strong"}])
    queue = queue_create(viewer=raters[0], collection=collection.slug, name="Unsure", source="unsure")
    found = [(pair.query.text, pair.document.external_id) for pair in queue.pairs.order_by("place")]
    assert found == [
        *(("pump", name) for name in ("d1", "d3", "d5")),
        *(("valve", "d0"), ("pump", "d4"), ("pump", "d2")),
    ]


def test_a_search_that_marks_moved_is_judged_as_the_one_on_which_they_stand(collection, raters, documents):
    answer = [{"document": documents[0].pk, "score": 0.5, "relevance": 0.5}]
    asked = make_query(modality="text", text="a leak", answer=[])
    moved = make_query(modality="text", text="a leak", answer=answer, marked=asked)
    file = f"query,document\n{moved.pk},{documents[0].external_id}\n".encode()
    queue = from_file(collection, raters[0], file)
    grade(queue, raters[0], 2)
    assert next_pair(queue, raters[0]) is None
    assert Judgement.objects.get().query == asked
    assert unsure_pairs(collection) == []


def test_places_far_apart_count_more_at_the_top():
    apart = differences([1, 2, 3], [3, 2, 4])
    assert apart == {1: 1, 2: 0, 3: pytest.approx(2 / 3), 4: pytest.approx(1 / 3)}


def test_a_job_finds_the_hits_on_which_two_versions_disagree(collection, raters, documents, monkeypatch):
    champion, other = make_version(), make_version(champion=False)
    assert Alias.objects.get(name="champion").version == champion
    query = make_query(modality="text", text="pump", user=raters[0])
    first = [document.pk for document in documents]
    ranked = {champion: first, other: [first[2], *first[:2], *first[3:]]}
    monkeypatch.setattr(disagreement, "rankings", lambda version, queries, _: {query.pk: ranked[version]})
    queue = queue_create(viewer=raters[0], collection=collection.slug, name="Apart", source="versions")
    assert progress(queue, raters[0]).pairs == 0
    job = Job.objects.get()
    run_job_inline(job)
    assert Job.objects.get().state == "succeeded", Job.objects.get().error
    assert [pair.document.external_id for pair in queue.pairs.order_by("place")] == ["d2", "d0", "d1"]


def test_two_real_models_are_asked_and_the_queue_has_where_they_differ(
    collection, raters, documents, tmp_path, clean_redis
):
    for place, colour in enumerate(["red", "green", "blue", "yellow", "pink", "black"]):
        save_document(collection, f"d{place}", title=f"{colour} pump", body=f"A {colour} pump with a valve.")
    tiny_version(tmp_path)
    tiny_version(tmp_path, name="other", seed=5, champion=False)
    assert run_job_inline(encode_soon()).state == "succeeded"
    for text in ("a red valve", "a rusty pipe", "green gear"):
        make_query(modality="text", text=text, user=raters[0])
    queue = queue_create(viewer=raters[0], collection=collection.slug, name="Apart", source="versions")
    job = run_job_inline(Job.objects.get(type="fill_queue"))
    assert (job.state, job.result) == ("succeeded", {"pairs": queue.pairs.count()})
    assert queue.pairs.count() > 0
    assert set(queue.pairs.values_list("document__collection", flat=True)) == {collection.pk}
    pair = next_pair(queue, raters[0])
    judgement_set(query_id=pair.query_id, document_id=pair.document_id, viewer=raters[0], session="", grade=2)
    assert progress(queue, raters[0]).done == 1


def test_the_words_of_a_file_are_in_nobodys_history(collection, raters, documents):
    from_file(collection, raters[0], b"document,text\nd0,leaking pump\n")
    assert not searches_of(raters[0]).exists()
    assert suggestions("leak", raters[0]) == []
    assert history_clear(viewer=raters[0]) == 0
    assert JudgingPair.objects.count() == 1


def test_with_one_model_there_is_no_disagreement(collection, raters):
    make_version()
    with pytest.raises(AppError) as refused:
        queue_create(viewer=raters[0], collection=collection.slug, name="Apart", source="versions")
    assert refused.value.id == "judging.one_model"


def test_the_candidate_shows_the_passage_that_was_found_and_no_score(collection, raters, documents):
    passage = documents[0].passages.first()
    answer = [{"document": documents[0].pk, "passage": passage.pk, "score": 0.9}]
    kept = make_query(modality="text", text="pump", answer=answer)
    queue = from_file(collection, raters[0], f"document,query\nd0,{kept.pk}\nd1,{kept.pk}\n".encode())
    found, missed = (candidate(pair) for pair in queue.pairs.order_by("place"))
    assert (found.unit, found.score) == (passage, 0)
    assert (missed.document, missed.unit) == (documents[1], None)

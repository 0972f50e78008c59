"""Searches of several parts: what is found, in which order, on later pages, and what is kept of them."""

from __future__ import annotations

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from retrieval_site.errors import AppError
from search.models import Query
from search.retrieval import dense, reopen, search
from search.retrieval.compose import BEST_MIN, POWER, Composition, directions
from search.retrieval.encode import Known
from search.retrieval.runner import Asked, run
from search.retrieval.scope import scope_for
from search.retrieval.scoring import Standard
from search.retrieval.types import DocumentPart, EmbeddingPart, EncodedPart, EncodedQuery, Plan, SearchRequest
from search.vectors.background import backgrounds_forget
from search.vectors.index import index_build
from tests.support.corpus import clustered, make_documents, make_version, store, unit_rows

pytestmark = pytest.mark.django_db
DIM = 16
KIND, GREEN, RED, LEAKING = np.eye(DIM, dtype=np.float32)[:4]
NOISE = np.random.default_rng(3).normal(size=(40, DIM)) * 0.05


@pytest.fixture(autouse=True)
def _nothing_kept():
    backgrounds_forget()


@pytest.fixture
def parts(version, collection):
    """Documents of unrelated things, then of a red one, a green one, both leaking, a green one of another kind."""
    passages = make_documents(collection, 44)
    said = np.concatenate(
        [
            NOISE + np.random.default_rng(4).normal(size=(40, DIM)) * 0.2,
            [KIND + RED + LEAKING, KIND + GREEN, KIND + GREEN + LEAKING, GREEN + 0.1 * LEAKING],
        ]
    )
    store(version, passages, unit_rows(said))
    return dict(
        zip(("red", "green", "leaking", "other"), (row.document_id for row in passages[40:]), strict=True)
    )


def asking(version, *parts, **fields):
    parts = tuple(EmbeddingPart(tuple(map(float, vector)), weight) for vector, weight in parts)
    return search(SearchRequest(viewer=None, parts=parts, model=version.key, **fields))


def found(answer):
    return [hit.document.pk for hit in answer.hits]


def test_what_has_some_of_each_part_comes_before_what_has_all_of_one(version, parts):
    photo = unit_rows((KIND + RED + LEAKING)[None])[0]
    assert found(asking(version, (photo, 1.0)))[0] == parts["red"]
    assert found(asking(version, (GREEN, 1.0)))[0] == parts["other"]
    assert found(asking(version, (photo, 1.0), (GREEN, 0.9)))[0] == parts["leaking"]


def test_a_negative_part_drops_what_has_it(version, parts):
    answer = found(asking(version, (KIND + GREEN, 1.0), (LEAKING, -1.0), limit=44))
    assert answer[0] == parts["green"]
    assert answer.index(parts["leaking"]) > answer.index(parts["other"])


def test_the_score_is_the_formula_written_slowly(version, parts):
    standard = Standard(np.float32([0.1, 0.2]), np.float32([0.5, 0.25]))
    composed = Composition(np.float32([1.0, -0.5]), standard, np.zeros((0, 2), dtype=np.float32))
    scores = np.float32([[1.6, 0.2], [0.85, 0.95], [0.1, 1.2]])
    best = [
        max(BEST_MIN, *((row[at] - standard.mean[at]) / standard.deviation[at] for row in scores))
        for at in (0, 1)
    ]
    slow = []
    for row in scores:
        shares = [
            min(1, max(0, (row[at] - standard.mean[at]) / standard.deviation[at] / best[at])) for at in (0, 1)
        ]
        distance = (1 - shares[0]) ** POWER + 0.5 * shares[1] ** POWER
        slow.append(1 - (distance / 1.5) ** (1 / POWER))
    np.testing.assert_allclose(composed.of(scores)[0], slow, rtol=1e-5)


def test_the_candidates_are_those_of_the_weighted_sum_of_standardised_scores():
    asked = (
        EncodedPart("image", clustered(1, DIM, seed=2)),
        EncodedPart("text", clustered(1, DIM, seed=3), -0.5),
    )
    standard = Standard(np.float32([0.2, 0.1]), np.float32([0.3, 0.05]))
    (direction,) = directions(asked, standard)
    stored = clustered(50, DIM, seed=4)
    scores = np.stack([stored @ part.vectors[0] for part in asked], axis=1)
    summed = standard.of(scores) @ np.float32([1.0, -0.5])
    assert np.argsort(-(stored @ direction)).tolist() == np.argsort(-summed).tolist()


def test_a_document_beside_another_part_leads_to_each_of_its_passages():
    document = EncodedPart("document", clustered(3, DIM, seed=5))
    standard = Standard(np.zeros(2, dtype=np.float32), np.ones(2, dtype=np.float32))
    assert directions((document, EncodedPart("text", clustered(1, DIM))), standard).shape == (3, DIM)


@pytest.mark.parametrize("similarity", ["cosine", "order"])
def test_by_the_index_the_same_is_found_as_by_scanning_all(collection, similarity, monkeypatch):
    version = make_version("indexed", dim=DIM, similarity=similarity)
    store(version, make_documents(collection, 600), np.abs(clustered(600, DIM, seed=6)))
    vectors = np.abs(clustered(2, DIM, seed=7))
    query = EncodedQuery(version, (EncodedPart("image", vectors[:1]), EncodedPart("text", vectors[1:], 0.5)))
    asked = Asked(Known(query), scope_for(version, None, "passages"), 10, 10)
    scanned = run(asked)
    index_build(version, "passage")
    monkeypatch.setattr(dense, "make_plan", lambda *_: Plan("ann", 200, 200))
    by_index = run(asked)
    assert by_index.plan.kind == "ann"
    assert [hit.document_id for hit in by_index.documents] == [hit.document_id for hit in scanned.documents]


def test_several_parts_are_found_by_as_many_statements_as_one(version, parts):
    def statements(*asked):
        asking(version, *asked)
        with CaptureQueriesContext(connection) as queries:
            asking(version, *asked)
        return [query["sql"] for query in queries if "<#>" in query["sql"]]

    assert len(statements((KIND, 1.0))) == len(statements((KIND, 1.0), (GREEN, 0.9), (LEAKING, -1.0))) == 1


def test_it_is_kept_with_all_its_parts_and_read_on_behind_what_was_kept(version, collection):
    store(version, make_documents(collection, 230), clustered(230, DIM, seed=5))
    first = asking(version, (KIND, 1.0), (GREEN, 0.5), (LEAKING, -0.5), limit=100)
    kept = Query.objects.get(pk=first.query_id)
    assert [(part.place, part.modality, part.weight) for part in kept.asked] == [
        (0, "embedding", 1.0),
        (1, "embedding", 0.5),
        (2, "embedding", -0.5),
    ]
    assert (kept.modality, kept.part, first.modality) == ("composed", None, "composed")
    assert reopen(first.query_id, None, 100).hits == first.hits
    seen, page = found(first), first
    while page.next:
        page = reopen(first.query_id, None, 100, page.next)
        seen += found(page)
    assert len(seen) == len(set(seen)) == 230


def test_documents_that_are_asked_with_are_no_answer_but_those_led_away_from_are_neither(version, parts):
    asked = (DocumentPart(parts["red"]), DocumentPart(parts["leaking"], -1.0))
    answer = search(SearchRequest(viewer=None, parts=asked, limit=44))
    assert not {parts["red"], parts["leaking"]} & set(found(answer))
    assert parts["green"] in found(answer)


def test_a_part_of_which_nothing_is_known_does_not_count(version, parts):
    known, unknown = EncodedPart("text", KIND[None]), EncodedPart("text", GREEN[None], nothing_known=True)
    scope = scope_for(version, None, "passages")

    def ranked(*asked):
        return run(Asked(Known(EncodedQuery(version, asked)), scope, 10, 10)).documents

    assert ranked(known, unknown) == ranked(known)
    assert ranked(unknown) == ()


def test_the_vectors_of_a_deleted_version_are_not_read_on_with(version, parts):
    first = asking(version, (KIND, 1.0), (GREEN, 0.5), limit=3)
    Query.objects.update(version=None)
    assert len(reopen(first.query_id, None, 3).hits) == 3
    with pytest.raises(AppError):
        asking(version, (KIND, -1.0), (GREEN, -0.5))

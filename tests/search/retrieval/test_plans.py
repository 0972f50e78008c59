"""The plans behind a search, on a table large enough for the planner to have a choice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from django.db import connection, transaction

from search.models import DocumentImage, Passage
from search.retrieval import dense, statements
from search.retrieval.dense import estimate
from search.retrieval.group import best_by_document
from search.retrieval.scope import make_scope
from search.retrieval.types import EncodedPart, EncodedQuery, Plan
from search.vectors.copy import vectors_write
from search.vectors.tables import VectorTable
from tests.support.corpus import make_version
from tests.support.order_vectors import order_vectors
from tests.support.searched import (
    PRIVATE,
    ask,
    encoded,
    exact_scores,
    explain,
    explain_kept,
    run,
    scope_of,
    searched,
)
from workers.storage.blobs import blob_store

pytestmark = pytest.mark.slow
ROWS, DIM, ORDERED = 20_000, 64, 12_000
ANN = Plan("ann", 48, 48)


@pytest.fixture(scope="module")
def corpus(django_db_setup, django_db_blocker):
    """20,000 public and 300 private documents with clustered vectors, an index, and the planner's statistics."""
    with django_db_blocker.unblock(), searched("plans", rows=ROWS, dim=DIM) as found:
        yield found


@pytest.fixture(autouse=True)
def _database(db):
    dense._counts.clear()


RANGE = {"metadata": {"site": {"any": ["north"]}, "year": {"gte": 1990}}, "created_at": {"gte": "2020-01-01"}}


@pytest.mark.parametrize("filters", [{}, {"tags": ["rare"]}, RANGE], ids=["permission", "tags", "fields"])
def test_the_index_is_used_by_the_very_statement_that_says_so(corpus, filters):
    version, public, _ = corpus
    scope = scope_of(version, [public], **filters)
    excluding = replace(scope, excluded=frozenset(range(50)))
    for asked in (scope, excluding):
        statement = statements.by_index(asked, DIM, ANN)
        for explained in (explain(statement, version, asked, ANN), explain_kept(statement, ANN)):
            assert f"Index Scan using embedding_{version.pk}_passage_hnsw" in explained


def test_the_index_s_plan_is_kept_and_not_made_for_every_search(corpus):
    version, public, _ = corpus
    scope = scope_of(version, [public])
    for seed in range(8):
        run(version, scope, 31, seed)
    with connection.cursor() as cursor:
        cursor.execute("SELECT generic_plans FROM pg_prepared_statements WHERE statement ~ 'LIMIT 62'")
        assert cursor.fetchall() == [(3,)]


@pytest.mark.parametrize("filters", [{}, {"tags": ["rare"]}, RANGE], ids=["permission", "tags", "fields"])
def test_the_index_is_not_used_by_the_statement_that_says_exact(corpus, filters):
    version, public, private = corpus
    for seen in ([public, private], [private]):
        scope = scope_of(version, seen, **filters)
        explained = explain(statements.exact(scope, DIM), version, scope, Plan("exact", 48))
        assert "hnsw" not in explained


def test_the_vector_travels_in_binary(corpus):
    version, public, _ = corpus
    scope = scope_of(version, [public])
    with transaction.atomic(), connection.cursor() as cursor:
        parameters = statements.parameters(scope, encoded(version).parts[0].vectors[0])
        cursor.execute(str(statements.by_index(scope, DIM, ANN)), parameters)  # a prepared one is forgotten
        sent = cursor.cursor._query.params
    assert max(len(value) for value in sent if value is not None) == 4 + 2 * DIM


def test_a_large_scope_goes_by_the_index_and_a_small_one_is_scanned(corpus):
    version, public, private = corpus
    assert run(version, scope_of(version, [public, private]), 10).plan == Plan("ann", 48, 48)
    assert run(version, scope_of(version, [private]), 10).plan == Plan("exact", 48)
    assert run(version, scope_of(version, [public], tags=["rare"]), 10).plan == Plan("exact", 48)


def test_recall_at_10_of_the_index_is_at_least_0_97(corpus):
    version, public, _ = corpus
    scope = scope_of(version, [public])
    found = wanted = 0
    for seed in range(100, 200):
        units = run(version, scope, 10, seed).units
        top = sorted(units, key=lambda unit: -unit.score)[:10]
        found += len(exact_scores(version, scope, seed).keys() & {unit.unit_id for unit in top})
        wanted += 10
    assert found / wanted >= 0.97


@pytest.mark.parametrize("wanted", [10, 100])
def test_a_filtered_search_finds_as_many_as_exist_whatever_the_plan(corpus, monkeypatch, wanted):
    version, public, private = corpus
    few = scope_of(version, [private])
    monkeypatch.setattr(dense, "EXACT_UNIT_MICROSECONDS", 1e9)  # the index, even where it is foolish
    for scope, there in ((few, PRIVATE), (scope_of(version, [public], tags=["rare"]), 400)):
        found = run(version, scope, wanted)
        assert len({unit.document_id for unit in found.units}) >= min(wanted, there)
    found = run(version, few, 1000)
    assert len({unit.document_id for unit in found.units}) == PRIVATE
    assert (found.plan.kind, found.exhausted) == ("exact", True)


def test_the_index_that_gives_up_early_is_followed_by_an_exact_scan(corpus, monkeypatch):
    version, _, private = corpus
    monkeypatch.setattr(dense, "EXACT_UNIT_MICROSECONDS", 1e9)
    monkeypatch.setattr(dense, "MAX_SCAN_TUPLES", 100)
    found = run(version, scope_of(version, [private]), 20)
    assert found.plan.kind == "exact"
    assert len({unit.document_id for unit in found.units}) >= 20


def test_counts_without_filters_are_kept_for_some_seconds(corpus, django_assert_num_queries):
    version, public, _ = corpus
    scope = scope_of(version, [public])
    assert estimate(scope).matching == ROWS
    with django_assert_num_queries(1):
        assert estimate(scope).matching == ROWS


def test_what_a_filter_leaves_is_estimated_rightly_in_the_mean(corpus):
    version, public, _ = corpus
    with connection.cursor() as cursor:
        cursor.execute("SELECT setseed(0)")
    found = [
        estimate(scope_of(version, [public], tags=["rare"])).matching for _ in range(20)
    ]  # random samples
    assert len(set(found)) > 1
    assert np.mean(found) == pytest.approx(400, rel=0.3)  # few in a sample are counted, many are not


def test_what_a_filter_leaves_of_much_is_estimated_by_a_sample(corpus, django_assert_num_queries):
    version, public, _ = corpus
    today = {"created_at": {"gte": "2020-01-01"}}
    with django_assert_num_queries(2):
        assert estimate(scope_of(version, [public], **today)).matching > 0.8 * ROWS
    assert run(version, scope_of(version, [public], **today), 10).plan == Plan("ann", 48, 48)


@pytest.mark.parametrize("absolute", [True, False], ids=["absolute", "signed"])
@pytest.mark.parametrize("kind", ["passage", "image"])
def test_order_recall_at_10_among_learned_vectors_is_at_least_0_97(corpus, kind, absolute):
    """Pictures that look for captions and captions that look for pictures, against the formula over every vector."""
    _, public, _ = corpus
    ordered = make_version("order", dim=DIM, similarity="order", champion=False)
    rows = list(public.documents.values_list("passages__pk", flat=True).order_by("pk")[:ORDERED])
    if kind == "image":
        rows = [image.pk for image in pictures_of(rows)]
    pictures, captions, right = order_vectors(
        *((20, ORDERED) if kind == "passage" else (ORDERED, 20)), DIM, absolute=absolute
    )
    assert right > 0.5
    queries, vectors = (pictures, captions) if kind == "passage" else (captions, pictures)
    vectors_write(ordered, kind, rows, vectors)
    stored = vectors.astype(np.float16).astype(np.float32)
    place = {unit_id: row for row, unit_id in enumerate(rows)}
    scope = make_scope(VectorTable(ordered.pk, kind), (public.pk,), {})
    found = 0
    for query in queries:
        modality = "image" if kind == "passage" else "text"
        encoded = EncodedQuery(ordered, (EncodedPart(modality, query[None]),))
        candidates = ask(encoded, scope, 10)
        top = best_by_document(candidates.units)[:10]
        assert len(candidates.units) < ORDERED / 2
        excess = np.maximum(0, stored - query if kind == "passage" else query - stored)
        exact = -(excess**2).sum(axis=1)
        np.testing.assert_allclose(
            [unit.score for unit in top], [exact[place[unit.unit_id]] for unit in top], rtol=1e-3, atol=1e-6
        )
        found += len({*np.argsort(-exact)[:10]} & {place[unit.unit_id] for unit in top})
    assert found / (10 * len(queries)) >= 0.97


def pictures_of(passages):
    """A picture for the document of each passage."""
    blob = blob_store(b"a picture", "image/png")
    documents = Passage.objects.filter(pk__in=passages).order_by("pk").values_list("document_id", flat=True)
    return DocumentImage.objects.bulk_create(
        DocumentImage(document_id=document, ordinal=0, blob=blob) for document in documents
    )

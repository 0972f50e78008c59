"""Searching by the signs of vectors, on a table large enough for the planner to have a choice."""

from __future__ import annotations

import pytest
from django.db import connection, transaction

from search.models import Document
from search.retrieval import candidates, statements
from search.retrieval.candidates import _set_plan, estimate, find_candidates
from search.retrieval.rank import best_by_document
from search.retrieval.scope import make_scope
from search.retrieval.types import EncodedQuery, Plan
from search.vectors.index import index_build
from search.vectors.tables import VectorTable, table_drop
from tests.support.corpus import clustered, make_collection, make_documents, make_version, store

pytestmark = pytest.mark.slow
ROWS, RARE, PRIVATE, DIM = 22_000, 400, 300, 256


@pytest.fixture(scope="module")
def corpus(django_db_setup, django_db_blocker):
    """22,000 public and 300 private documents with clustered vectors and an index of their signs."""
    with django_db_blocker.unblock():
        version = make_version("signs", dim=DIM, champion=False, vector_index="binary")
        public, private = make_collection("signs"), make_collection("signs-private", visibility="private")
        rows = make_documents(public, ROWS - RARE)
        rows += make_documents(public, RARE, tags=["rare"])
        rows += make_documents(private, PRIVATE)
        store(version, rows, clustered(len(rows), DIM, seed=1))
        index_build(version, "passage")
        yield version, public, private
        table_drop(version)
        for collection in (public, private):
            Document.objects.filter(collection=collection).delete()
            collection.delete()
        bundle = version.bundle
        version.delete()
        bundle.delete()


@pytest.fixture(autouse=True)
def _database(db):
    candidates._counts.clear()


def _encoded(version, seed=2):
    return EncodedQuery(version, "embedding", clustered(1, DIM, seed=seed))


def _scope(version, collections, **filters):
    return make_scope(VectorTable(version.pk, "passage"), tuple(one.pk for one in collections), filters)


def _run(version, scope, wanted, seed=2):
    with transaction.atomic():
        return find_candidates(_encoded(version, seed), scope, wanted, estimate(scope))


def _exact(version, scope, seed, count=10):
    with connection.cursor() as cursor:
        vector = _encoded(version, seed).vectors[0]
        cursor.execute(statements.exact(scope, DIM), statements.parameters(scope, vector, count=count))
        return {row[0]: -row[2] for row in cursor.fetchall()}


@pytest.mark.parametrize("filters", [{}, {"tags": ["rare"]}], ids=["permission", "permission and tags"])
def test_the_binary_index_is_used_by_the_statement_that_says_so(corpus, filters):
    version, public, _ = corpus
    scope = _scope(version, [public], **filters)
    statement = "EXPLAIN " + statements.by_index(scope, DIM, "binary")
    with transaction.atomic(), connection.cursor() as cursor:
        _set_plan(cursor, Plan("binary", 400, 400))
        parameters = statements.parameters(scope, _encoded(version).vectors[0], count=400)
        cursor.execute(statement, parameters)
        explained = "\n".join(row[0] for row in cursor.fetchall())
    assert f"Index Scan using embedding_{version.pk}_passage_binary" in explained


def test_a_large_scope_goes_by_the_signs_and_a_small_one_is_scanned(corpus):
    version, public, private = corpus
    assert _run(version, _scope(version, [public]), 10).plan == Plan("binary", 400, 400)
    assert _run(version, _scope(version, [private]), 10).plan.kind == "exact"
    assert _run(version, _scope(version, [public]), 60).plan == Plan("binary", 480, 480)


def test_it_finds_what_an_exact_scan_finds_with_the_same_scores_in_the_same_order(corpus):
    version, public, _ = corpus
    scope = _scope(version, [public])
    found = 0
    for seed in range(100, 200):
        exact = _exact(version, scope, seed)
        candidates_found = _run(version, scope, 10, seed)
        assert candidates_found.plan.kind == "binary"
        top = best_by_document(candidates_found.units)[:10]
        scores = {unit.unit_id: unit.score for unit in top}
        shared = exact.keys() & scores.keys()
        assert {key: scores[key] for key in shared} == {key: exact[key] for key in shared}
        assert [unit.score for unit in top] == sorted(scores.values(), reverse=True)
        found += len(shared)
    assert found / 1000 >= 0.97


@pytest.mark.parametrize("wanted", [10, 100])
def test_filters_and_permissions_hold_and_cost_no_hit(corpus, monkeypatch, wanted):
    version, public, private = corpus
    monkeypatch.setattr(candidates, "EXACT_UNIT_MICROSECONDS", 1e9)  # the index, even where it is foolish
    rare = set(Document.objects.filter(tags__contains=["rare"]).values_list("pk", flat=True))
    hidden = set(private.documents.values_list("pk", flat=True))
    few = {unit.document_id for unit in _run(version, _scope(version, [private]), wanted).units}
    assert len(few) >= wanted
    assert few <= hidden
    tagged = {
        unit.document_id for unit in _run(version, _scope(version, [public], tags=["rare"]), wanted).units
    }
    assert len(tagged) >= wanted
    assert tagged <= rare
    assert not hidden & {unit.document_id for unit in _run(version, _scope(version, [public]), wanted).units}


def test_signs_that_run_dry_are_followed_by_an_exact_scan(corpus, monkeypatch):
    version, _, private = corpus
    monkeypatch.setattr(candidates, "EXACT_UNIT_MICROSECONDS", 1e9)
    found = _run(version, _scope(version, [private]), 1000)
    assert len({unit.document_id for unit in found.units}) == PRIVATE
    assert (found.plan.kind, found.exhausted) == ("exact", True)

"""Searching by the signs of vectors, on a table large enough for the planner to have a choice."""

from __future__ import annotations

import pytest

from search.models import Document
from search.retrieval import dense, statements
from search.retrieval.group import best_by_document
from search.retrieval.types import Plan
from tests.support.searched import PRIVATE, exact_scores, explain, run, scope_of, searched

pytestmark = pytest.mark.slow
ROWS, DIM = 22_000, 256


@pytest.fixture(scope="module")
def corpus(django_db_setup, django_db_blocker):
    """22,000 public and 300 private documents with clustered vectors and an index of their signs."""
    with django_db_blocker.unblock(), searched("signs", rows=ROWS, dim=DIM, vector_index="binary") as found:
        yield found


@pytest.fixture(autouse=True)
def _database(db):
    dense._counts.clear()


@pytest.mark.parametrize("filters", [{}, {"tags": ["rare"]}], ids=["permission", "permission and tags"])
def test_the_binary_index_is_used_by_the_statement_that_says_so(corpus, filters):
    version, public, _ = corpus
    scope = scope_of(version, [public], **filters)
    plan = Plan("binary", 400, 400)
    explained = explain(statements.by_index(scope, DIM, plan), version, scope, plan)
    assert f"Index Scan using embedding_{version.pk}_passage_binary" in explained


def test_a_large_scope_goes_by_the_signs_and_a_small_one_is_scanned(corpus):
    version, public, private = corpus
    assert run(version, scope_of(version, [public]), 10).plan == Plan("binary", 400, 400)
    assert run(version, scope_of(version, [private]), 10).plan.kind == "exact"
    assert run(version, scope_of(version, [public]), 60).plan == Plan("binary", 480, 480)


def test_it_finds_what_an_exact_scan_finds_with_the_same_scores_in_the_same_order(corpus):
    version, public, _ = corpus
    scope = scope_of(version, [public])
    found = 0
    for seed in range(100, 200):
        exact = exact_scores(version, scope, seed)
        candidates_found = run(version, scope, 10, seed)
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
    monkeypatch.setattr(dense, "EXACT_UNIT_MICROSECONDS", 1e9)  # the index, even where it is foolish
    rare = set(Document.objects.filter(tags__contains=["rare"]).values_list("pk", flat=True))
    hidden = set(private.documents.values_list("pk", flat=True))
    few = {unit.document_id for unit in run(version, scope_of(version, [private]), wanted).units}
    assert len(few) >= wanted
    assert few <= hidden
    tagged = {
        unit.document_id for unit in run(version, scope_of(version, [public], tags=["rare"]), wanted).units
    }
    assert len(tagged) >= wanted
    assert tagged <= rare
    assert not hidden & {unit.document_id for unit in run(version, scope_of(version, [public]), wanted).units}


def test_signs_that_run_dry_are_followed_by_an_exact_scan(corpus, monkeypatch):
    version, _, private = corpus
    monkeypatch.setattr(dense, "EXACT_UNIT_MICROSECONDS", 1e9)
    found = run(version, scope_of(version, [private]), 1000)
    assert len({unit.document_id for unit in found.units}) == PRIVATE
    assert (found.plan.kind, found.exhausted) == ("exact", True)

"""Searching by short codes of vectors, on a table large enough for the planner to have a choice."""

from __future__ import annotations

import pytest

from search.models import Document
from search.retrieval import dense, statements
from search.retrieval.group import best_by_document
from search.retrieval.types import Plan
from tests.support.searched import PRIVATE, exact_scores, explain, run, scope_of, searched

pytestmark = pytest.mark.slow
ROWS, DIM = 22_000, 256


LEAST = {"ternary": 192, "binary": 400}


@pytest.fixture(scope="module", params=["ternary", "binary"])
def corpus(request, django_db_setup, django_db_blocker):
    """22,000 public and 300 private documents with clustered vectors and an index of their codes."""
    with (
        django_db_blocker.unblock(),
        searched("codes", rows=ROWS, dim=DIM, vector_index=request.param) as found,
    ):
        yield found


@pytest.fixture(autouse=True)
def _database(db):
    dense._counts.clear()


@pytest.mark.parametrize("filters", [{}, {"tags": ["rare"]}], ids=["permission", "permission and tags"])
def test_the_index_is_used_by_the_statement_that_says_so(corpus, filters):
    version, public, _ = corpus
    scope, index = scope_of(version, [public], **filters), version.vector_index
    plan = Plan(index, 400, 400)
    explained = explain(statements.by_index(scope, DIM, plan), version, scope, plan)
    assert f"Index Scan using embedding_{version.pk}_passage_{index}" in explained


def test_a_large_scope_goes_by_the_codes_and_a_small_one_is_scanned(corpus):
    version, public, private = corpus
    index = version.vector_index
    assert run(version, scope_of(version, [public]), 10).plan == Plan(index, LEAST[index], LEAST[index])
    assert run(version, scope_of(version, [private]), 10).plan.kind == "exact"
    assert run(version, scope_of(version, [public]), 60).plan == Plan(index, 480, 480)


def test_it_finds_what_an_exact_scan_finds_with_the_same_scores_in_the_same_order(corpus):
    version, public, _ = corpus
    scope = scope_of(version, [public])
    found = 0
    for seed in range(100, 200):
        exact = exact_scores(version, scope, seed)
        candidates_found = run(version, scope, 10, seed)
        assert candidates_found.plan.kind == version.vector_index
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


def test_codes_that_run_dry_are_followed_by_an_exact_scan(corpus, monkeypatch):
    version, _, private = corpus
    monkeypatch.setattr(dense, "EXACT_UNIT_MICROSECONDS", 1e9)
    found = run(version, scope_of(version, [private]), 1000)
    assert len({unit.document_id for unit in found.units}) == PRIVATE
    assert (found.plan.kind, found.exhausted) == ("exact", True)

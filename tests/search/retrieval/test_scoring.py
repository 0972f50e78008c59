"""Exact scores of given units by every part, and what is much for a part, against slow loops."""

from __future__ import annotations

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from search.retrieval.order import order_scores
from search.retrieval.scoring import standard_of, standardise, unit_scores
from search.retrieval.types import EncodedPart, EncodedQuery
from search.vectors.background import background, backgrounds_forget
from search.vectors.tables import VectorTable
from tests.support.corpus import clustered, make_version, store

pytestmark = pytest.mark.django_db
DIM = 16
VECTORS = clustered(40, DIM, seed=1)
PARTS = (
    EncodedPart("image", clustered(1, DIM, seed=2)),
    EncodedPart("text", clustered(1, DIM, seed=3), 0.5, "green"),
    EncodedPart("document", clustered(3, DIM, seed=4), -1.0),
)


@pytest.fixture(autouse=True)
def _nothing_kept():
    backgrounds_forget()


def _table(version):
    return VectorTable(version.pk, "passage")


def test_each_part_scores_each_unit_by_its_best_vector_in_one_statement(version, passages):
    ids = [passages[row].pk for row in (7, 3, 31)]
    with CaptureQueriesContext(connection) as queries:
        found = unit_scores(EncodedQuery(version, PARTS), _table(version), ids)
    slow = [[max(VECTORS[row] @ vector for vector in part.vectors) for part in PARTS] for row in (7, 3, 31)]
    assert len(queries) == 1
    np.testing.assert_allclose(found, slow, atol=2e-3)


def test_a_unit_without_a_vector_has_no_score(version, passages):
    found = unit_scores(EncodedQuery(version, PARTS), _table(version), [passages[0].pk, 10**9])
    assert np.isnan(found).tolist() == [[False] * 3, [True] * 3]


def test_order_similarity_is_scored_from_the_side_of_the_caption(collection, passages):
    version = make_version("order", dim=DIM, similarity="order")
    store(version, passages, VECTORS)
    found = unit_scores(EncodedQuery(version, PARTS), _table(version), [passages[5].pk])
    stored = VECTORS[5:6].astype(np.float16).astype(np.float32)
    slow = [max(order_scores(v, stored, query_is_caption=False)[0] for v in part.vectors) for part in PARTS]
    np.testing.assert_allclose(found[0], slow, atol=1e-5)


def test_scores_are_standardised_by_their_part_over_the_background(version, passages):
    query = EncodedQuery(version, PARTS[:2])
    sample = background(_table(version))
    slow = np.stack([sample @ part.vectors[0] for part in query.parts], axis=1)
    z = standardise(slow, query, _table(version))
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(z.std(axis=0), 1, atol=1e-5)


def test_without_a_background_scores_stay_as_they_are(version):
    standard = standard_of(EncodedQuery(version, PARTS), _table(version))
    scores = np.float32([[0.1, 0.2, 0.3]])
    assert np.array_equal(standard.of(scores), scores)


def test_a_hit_of_one_part_says_how_far_it_stands_above_the_background(ask, version, passages):
    from search.retrieval.dense import Dense
    from search.retrieval.scope import scope_for

    query = EncodedQuery(version, PARTS[:1])
    with Dense().ready(version, scope_for(version, None, "passages"), 10) as find:
        units = find(query).units
    cosines = VECTORS @ PARTS[0].vectors[0]
    expected = (np.sort(cosines)[::-1] - cosines.mean()) / cosines.std()
    np.testing.assert_allclose(sorted((unit.standard for unit in units), reverse=True), expected, atol=5e-2)

"""From units to documents, and the order similarity against its slow loop."""

from __future__ import annotations

import numpy as np
import pytest

from search.retrieval.group import best_by_document
from search.retrieval.order import order_scores
from search.retrieval.types import Unit
from workers.training.measures import scores


def test_each_document_keeps_its_best_unit_and_equal_scores_go_by_id():
    units = [Unit(1, 10, 0.5), Unit(2, 20, 0.9), Unit(3, 10, 0.7), Unit(4, 30, 0.7), Unit(5, 30, 0.7)]
    assert best_by_document(units) == [Unit(2, 20, 0.9), Unit(3, 10, 0.7), Unit(4, 30, 0.7)]
    assert best_by_document(reversed(units)) == best_by_document(units)


@pytest.mark.parametrize("query_is_caption", [True, False])
def test_order_similarity_is_the_formula_written_slowly(query_is_caption, monkeypatch):
    monkeypatch.setattr(scores, "ORDER_BLOCK_VALUES", 15)  # three rows of five values
    random = np.random.default_rng(0)
    query, stored = random.random(5, dtype=np.float32), random.random((8, 5), dtype=np.float32)
    slow = []
    for row in stored:
        caption, image = (query, row) if query_is_caption else (row, query)
        slow.append(-sum(max(0.0, float(c) - float(i)) ** 2 for c, i in zip(caption, image, strict=True)))
    np.testing.assert_allclose(
        order_scores(query, stored, query_is_caption=query_is_caption), slow, rtol=1e-5
    )

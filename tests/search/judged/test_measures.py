"""Measures of rankings by judgements, by hand and against slow oracles."""

from __future__ import annotations

import math
import random

import pytest

from search.judged.measures import judged_at_10, ndcg, ndcg_of_judged, success_at_1, success_at_10


def test_ndcg_by_hand():
    grades = {1: 3, 2: 2, 3: 0}
    best = 3 / math.log2(2) + 2 / math.log2(3)
    assert ndcg([1, 2, 3], grades) == pytest.approx(1)
    assert ndcg([9, 2, 1], grades) == pytest.approx((2 / math.log2(3) + 3 / math.log2(4)) / best)
    assert ndcg([9, 8, 7], grades) == 0
    assert ndcg([], grades) == 0
    assert ndcg([1], {1: 0}) == 0


def test_what_nobody_judged_costs_places_only_where_it_counts():
    grades = {1: 2, 2: 0}
    assert ndcg([9, 8, 1], grades) == pytest.approx(1 / math.log2(4))
    assert ndcg_of_judged([9, 8, 1], grades) == pytest.approx(1)
    assert ndcg_of_judged([9, 2, 1], grades) == pytest.approx(1 / math.log2(3))


def test_success_needs_a_grade_of_two_within_its_depth():
    ranking = [5, *range(100, 108), 1, 2]
    assert (success_at_1(ranking, {5: 2}), success_at_1(ranking, {5: 1}), success_at_1([], {5: 2})) == (
        1,
        0,
        0,
    )
    assert (success_at_10(ranking, {1: 3}), success_at_10(ranking, {2: 3})) == (1, 0)


def test_judged_counts_places_even_where_there_are_fewer_documents():
    assert judged_at_10([1, 2, 3], {1: 0, 3: 2}) == pytest.approx(0.2)
    assert judged_at_10(list(range(20)), dict.fromkeys(range(10, 20), 2)) == 0


@pytest.mark.parametrize("seed", range(20))
def test_ndcg_agrees_with_a_slow_oracle(seed):
    draw = random.Random(seed)
    ranking = draw.sample(range(40), 30)
    grades = {document: draw.randrange(4) for document in draw.sample(range(40), 15)}

    def slow(order, depth=10):
        return sum(
            grades.get(d, 0) / math.log(place + 1, 2) for place, d in enumerate(order, 1) if place <= depth
        )

    ideal = slow(sorted(grades, key=lambda d: -grades[d]))
    assert ndcg(ranking, grades) == pytest.approx(slow(ranking) / ideal)
    judged = [document for document in ranking if document in grades]
    assert ndcg_of_judged(ranking, grades) == pytest.approx(slow(judged) / ideal)

"""Krippendorff's alpha, against the values that he published for his example, and a plain loop."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest

from search.judging.agreement import agreement, interval, nominal, ordinal

OBSERVERS = [  # Krippendorff (2011), section C: four observers, twelve units
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
]
UNITS = [
    [int(value) for value in unit if value != "."]
    for unit in zip(*(row.split() for row in OBSERVERS), strict=True)
]


@pytest.mark.parametrize(("metric", "published"), [(nominal, 0.743), (ordinal, 0.815), (interval, 0.849)])
def test_alpha_of_the_published_example_is_the_published_one(metric, published):
    found = agreement(UNITS, metric)
    assert round(found.alpha, 3) == published
    assert found.units == 11  # the twelfth was rated once


def plain_alpha(units: list[list[int]]) -> float:
    """One minus the mean squared difference within units over that of all ratings of such units."""
    units = [unit for unit in units if len(unit) > 1]
    every = [value for unit in units for value in unit]
    within = sum(sum((a - b) ** 2 for a, b in permutations(unit, 2)) / (len(unit) - 1) for unit in units)
    among = sum((a - b) ** 2 for a, b in product(every, every)) / (len(every) - 1)
    return 1 - within / among


def test_alpha_is_what_the_plain_loop_says_for_any_ratings():
    random = np.random.default_rng(17)
    units = [random.integers(0, 4, random.integers(0, 5)).tolist() for _ in range(200)]
    assert agreement(units, interval).alpha == pytest.approx(plain_alpha(units))


def test_full_agreement_is_one_and_the_opposite_is_below_zero():
    assert agreement([[0, 0], [3, 3]], ordinal).alpha == 1
    assert agreement([[0, 3], [3, 0]], ordinal).alpha < 0


@pytest.mark.parametrize("units", [[], [[2]], [[1], [3]], [[2, 2], [2, 2]]])
def test_where_nothing_can_be_compared_there_is_no_alpha(units):
    assert agreement(units, ordinal).alpha is None

"""What a short code is worth: the places at which it ranks the truly best."""

from __future__ import annotations

import numpy as np
import pytest

from bench.codes import CANDIDATES, TOP, Stored, _stored, best_places, codes, measured, places
from bench.hard_vectors import HardSet

WORLD = HardSet(dim=72, directions=24, topics=20)
COUNT = 600


@pytest.fixture(scope="module")
def stored() -> Stored:
    return _stored(WORLD, COUNT)


@pytest.fixture(scope="module")
def questions():
    return WORLD.questions(6)


def test_the_best_are_those_of_sorting_all(stored, questions):
    wanted = np.argsort(-(questions @ stored.rows.T), axis=1)[:, :TOP]
    assert [set(row) for row in best_places(stored.rows, questions)] == [set(row) for row in wanted]


def test_signs_are_as_far_apart_as_signs_that_differ(stored, questions):
    name, size, ranking = next(codes(stored, seed=1))
    assert (name, size) == ("signs", 9)
    slow = [sum((row > 0) != (questions[0] > 0)) for row in stored.rows]
    assert ranking(questions[0]).tolist() == slow


def test_steps_are_as_far_apart_as_the_thresholds_between_them(stored, questions):
    by_name = {name: (size, ranking) for name, size, ranking in codes(stored, seed=1)}
    size, ranking = by_name["four steps"]
    assert size == 27
    level = lambda row: sum((row > edge).astype(int) for edge in (-stored.median, 0, stored.median))  # noqa: E731
    slow = [abs(level(row) - level(questions[1])).sum() for row in stored.rows]
    assert ranking(questions[1]).tolist() == slow


def test_half_of_a_rotation_takes_half_of_the_bytes_and_finds_more_than_signs(stored, questions):
    best = best_places(stored.rows, questions)
    found = {name: (size, places(ranking, questions, best)) for name, size, ranking in codes(stored, seed=1)}
    assert len(found) == 8
    size, by_axes = found["half of a PCA"]
    assert size == 72
    assert by_axes.mean() < found["signs"][1].mean()


def test_equally_far_vectors_share_the_middle_of_their_places():
    far = np.array([0, 1, 1, 1, 2, *[3] * 8], dtype=np.float32)
    best = np.array([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]])
    found = places(lambda question: far, np.zeros((1, 2), dtype=np.float32), best)
    assert found[0].tolist() == [0, 2, 2, 2, 4, 8.5, 8.5, 8.5, 8.5, 8.5]


def test_recall_is_the_share_of_places_among_the_candidates():
    found = np.array([[0.0] * 5 + [150.0] * 4 + [900.0]], dtype=np.float32)
    row = measured("code", 1, found)
    assert [row.recall[count] for count in CANDIDATES] == pytest.approx([0.5, 0.9, 0.9, 1.0])
    assert row.candidates_wanted == 901

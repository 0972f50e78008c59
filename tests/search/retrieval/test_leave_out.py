"""Which words carry a score, told by a score that counts words."""

from __future__ import annotations

import numpy as np
import pytest

from search.retrieval.leave_out import WORDS_MAX, shares
from workers.encoding.wire import LEFT_OUT_MAX

WORTH = {"pump": 3.0, "red": 1.0, "not": -2.0}


@pytest.fixture
def asked():
    """The batches of texts that were scored."""
    return []


@pytest.fixture
def score(asked):
    def counted(texts):
        asked.append(list(texts))
        assert len(texts) <= LEFT_OUT_MAX
        return np.array(
            [sum(WORTH.get(word, 0.0) for word in text.lower().split()) for text in texts], np.float32
        )

    return counted


def found(words):
    return {word.text: word.share for word in words if word.share}


def test_a_word_has_the_part_that_the_score_falls_by_without_it(score):
    assert found(shares("a red pump", score)) == {"red": 0.25, "pump": 0.75}


def test_a_word_that_speaks_against_the_hit_is_below_zero(score):
    assert found(shares("red pump not", score)) == {"red": 0.25, "pump": 0.75, "not": -0.5}


def test_a_word_that_comes_twice_is_left_out_in_both_places(score, asked):
    assert [word.share for word in shares("Pump beside pump", score)] == [1.0, 0.0, 1.0]
    assert asked == [["Pump beside pump", "beside", "Pump pump"]]


def test_the_only_word_carries_all_and_costs_no_encoding(score, asked):
    assert found(shares("pump", score)) == {"pump": 1.0}
    assert asked == []


def test_where_nothing_carries_nothing_is_marked(score):
    assert found(shares("some other words", score)) == {}


def test_in_a_long_text_the_words_of_the_strongest_rows_are_told_apart(score, asked):
    text = " ".join(f"filler{number}" for number in range(200)) + " a red pump " + "end " * 20
    assert found(shares(text, score)) == {"red": 0.25, "pump": 0.75}
    assert sum(len(texts) for texts in asked) <= LEFT_OUT_MAX + 1 + WORDS_MAX + 3

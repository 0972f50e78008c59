"""Passages: whole sentences, true offsets, bounded size, in any script."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.splitting import WORDS_MAX, WORDS_TARGET, _count_words, passages, sentences


def texts(body: str) -> list[str]:
    return [body[span.start : span.end] for span in passages(body)]


def sentence_texts(body: str) -> list[str]:
    return [body[span.start : span.end] for span in sentences(body)]


def test_a_short_body_is_one_passage():
    assert texts("  The pump leaks. Replace the seal.\n") == ["The pump leaks. Replace the seal."]


def test_an_empty_body_has_no_passage():
    assert passages(" \n\t ") == []


def test_a_long_body_is_cut_only_between_sentences():
    body = " ".join(f"Sentence number {n} of this note has exactly ten short words." for n in range(40))
    found = texts(body)
    assert len(found) > 3
    assert all(text.startswith("Sentence number") and text.endswith("words.") for text in found)
    assert " ".join(found) == body
    assert all(len(text.split()) <= WORDS_MAX for text in found)
    assert all(len(text.split()) >= WORDS_TARGET for text in found[:-1])


def test_a_short_tail_joins_the_passage_before_it():
    body = " ".join(["word"] * 58) + ". " + " ".join(["more"] * 6) + ". Two words."
    assert len(texts(body)) == 1


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("See fig. 3 and no. 7. Then stop.", ["See fig. 3 and no. 7.", "Then stop."]),
        ("Ask Dr. Weber. He knows.", ["Ask Dr. Weber.", "He knows."]),
        ("J. Smith wrote it. It is good.", ["J. Smith wrote it.", "It is good."]),
        ("Set 3.5 bar. Wait… then open.", ["Set 3.5 bar.", "Wait… then open."]),
        ("“Stop!” He left.", ["“Stop!”", "He left."]),
        ("First\n\nSecond", ["First", "Second"]),
        ("Do this:\n- open it\n- close it", ["Do this:", "- open it", "- close it"]),
        ("ポンプが漏れる。シールを交換する。", ["ポンプが漏れる。", "シールを交換する。"]),
    ],
)
def test_sentences_end_where_a_reader_ends_them(body, expected):
    assert sentence_texts(body) == expected


def test_a_sentence_without_end_is_cut_between_words():
    body = " ".join(f"w{n}" for n in range(300))
    found = texts(body)
    assert [len(text.split()) for text in found] == [90, 90, 90, 30]
    assert " ".join(found) == body


def test_text_without_spaces_is_cut_too_and_marks_stay_with_their_letters():
    body = "e\u0301" * 5000
    found = texts(body)
    assert "".join(found) == body
    assert len(found) > 1
    assert not any(text.startswith("\u0301") for text in found)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=400))
def test_every_word_is_in_exactly_one_passage_whatever_the_text(body):
    spans = passages(body)
    assert "".join("".join(body[s.start : s.end].split()) for s in spans) == "".join(body.split())
    assert all(a.end <= b.start for a, b in itertools.pairwise(spans))
    for span in spans:
        text = body[span.start : span.end]
        assert text == text.strip() != ""
        assert _count_words(body, span) <= WORDS_MAX

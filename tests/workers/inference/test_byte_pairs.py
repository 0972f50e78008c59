"""CLIP's tokenizer, by hand; tests/workers/training/test_clip.py compares it with the published one."""

import pytest

from workers.inference.byte_pairs import END, START, BytePairTokenizer

MERGES = ["#version: 0.2", "p u", "pu m", "pum p</w>", "i n", "t h", "th e</w>", "a a", "aa aa"]


@pytest.fixture(scope="module")
def tokenizer():
    return BytePairTokenizer(MERGES)


def pieces(tokenizer, text, limit=77):
    return [tokenizer.vocabulary[at] for at in tokenizer.encode(text, limit)]


def test_ids_are_bytes_then_their_word_ends_then_merges_in_order(tokenizer):
    assert len(tokenizer.vocabulary) == len(set(tokenizer.vocabulary)) == 256 + 256 + 8 + 2
    assert tokenizer.vocabulary[:2] == ["!", '"']
    assert tokenizer.vocabulary[256:258] == ["!</w>", '"</w>']
    assert tokenizer.vocabulary[512:515] == ["pu", "pum", "pump</w>"]
    assert tokenizer.vocabulary[-2:] == [START, END]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The  PUMP", ["the</w>", "pump</w>"]),
        ("pumps", ["pum", "p", "s</w>"]),
        ("aaaaa", ["aaaa", "a</w>"]),
        ("it's 42!", ["i", "t</w>", "'", "s</w>", "4</w>", "2</w>", "!</w>"]),
        ("ö", ["Ã", "¶</w>"]),
        ("o\u0308", ["Ã", "¶</w>"]),
        ("", []),
        (END, ["<", "|</w>", "e", "n", "d", "o", "f", "t", "e", "x", "t</w>", "|", "></w>"]),
    ],
)
def test_words_fall_into_the_pieces_that_the_merges_build(tokenizer, text, expected):
    assert pieces(tokenizer, text) == [START, *expected, END]


def test_a_long_text_loses_its_end_and_a_long_word_costs_no_more_than_its_beginning(tokenizer):
    assert pieces(tokenizer, "the pump the pump", 4) == [START, "the</w>", "pump</w>", END]
    assert len(tokenizer.encode("xy" * 100_000, 4096)) == 2 + 256


@pytest.mark.parametrize("line", ["p", "p u m", "p  u", "pq r", "p u"])
def test_a_line_that_is_no_merge_is_refused(line):
    with pytest.raises(ValueError, match="merge"):
        BytePairTokenizer(["p u", line])

import pytest

from workers.neural import tokens
from workers.neural.tokens import SPECIAL_TOKENS, WordTokenizer, vocabulary_of, words_of


def test_a_full_stop_inside_a_text_is_parted_from_its_word_as_at_the_end():
    assert words_of("A rusty pump. It drips!  Look.") == [
        "a",
        "rusty",
        "pump",
        ".",
        "it",
        "drips",
        "!",
        "look",
        ".",
    ]


def test_one_sentence_gives_the_plain_tokens_of_nltk():
    from nltk.tokenize import word_tokenize

    text = 'The dog isn\'t "his", (3/4) of it costs $5.50, a well-known one .'
    assert words_of(text) == word_tokenize(text.lower(), preserve_line=True)


def test_a_sentence_that_texts_have_in_common_is_tokenised_once_unless_it_is_very_long(monkeypatch):
    tokenised = []
    monkeypatch.setattr(
        tokens, "word_tokenize", lambda text, preserve_line: [tokenised.append(text), *text.split()][1:]
    )
    long = "again and " * tokens._KEPT_CHARACTERS
    tokens._kept_tokens.cache_clear()
    try:
        assert words_of("It drips. A rusty pump.") == ["it", "drips.", "a", "rusty", "pump."]
        assert words_of("It drips. A pump.") == ["it", "drips.", "a", "pump."]
        assert words_of(f"{long}. {long}.")[:2] == ["again", "and"]
    finally:
        tokens._kept_tokens.cache_clear()
    assert tokenised == ["it drips.", "a rusty pump.", "a pump.", f"{long}.", f"{long}."]


def test_a_blank_text_has_no_words_but_still_a_start_and_an_end():
    assert words_of(" \n ") == []
    assert WordTokenizer(SPECIAL_TOKENS).encode("", 10) == [1, 2]


def test_the_vocabulary_holds_frequent_words_in_an_order_that_does_not_depend_on_the_captions():
    captions = [words_of(caption) for caption in ("a dog runs", "a cat runs", "a dog sits")]
    vocabulary = vocabulary_of(captions, min_count=2)
    assert vocabulary == ["<pad>", "<start>", "<end>", "<unk>", "a", "dog", "runs"]
    assert vocabulary_of(reversed(captions), min_count=2) == vocabulary


def test_unknown_words_become_one_token_and_are_counted():
    tokenizer = WordTokenizer([*SPECIAL_TOKENS, "a", "dog"])
    assert tokenizer.encode("A dog barks", 128) == [1, 4, 5, 3, 2]
    assert tokenizer.unknown_share([["a", "dog"], ["a", "cat"]]) == pytest.approx(0.25)
    assert tokenizer.unknown_share([]) == 0


def test_a_text_cannot_smuggle_in_a_special_token():
    tokenizer = WordTokenizer([*SPECIAL_TOKENS, "a"])
    assert tokenizer.encode("<end> a", 128)[1:-1].count(2) == 0


def test_a_long_text_loses_its_last_words_and_keeps_its_end():
    tokenizer = WordTokenizer([*SPECIAL_TOKENS, "a", "b"])
    assert tokenizer.encode("a b a b a b", 5) == [1, 4, 5, 4, 2]


@pytest.mark.parametrize("vocabulary", [["a", "b"], [*SPECIAL_TOKENS, "a", "a"]])
def test_a_vocabulary_without_its_special_tokens_or_with_a_word_twice_is_refused(vocabulary):
    with pytest.raises(ValueError, match="vocabulary"):
        WordTokenizer(vocabulary)

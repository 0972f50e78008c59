"""Words of a caption as numbers: NLTK's tokens, lower case, over a vocabulary built from training captions only.

Training and serving share this file; it imports nothing heavier than NLTK and needs none of NLTK's data.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice

from nltk.tokenize import word_tokenize

PAD, START, END, UNKNOWN = "<pad>", "<start>", "<end>", "<unk>"
SPECIAL_TOKENS = (PAD, START, END, UNKNOWN)
PAD_ID, START_ID, END_ID, UNKNOWN_ID = range(4)

# NLTK parts a full stop from its word only at the very end of what it is given, so a text of several
# sentences would hold words such as "pump." that no vocabulary knows: each sentence is tokenised alone.
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_WIDE_GAP = re.compile(r"(\s{4})\s+(?=\s{4})")
"""What NLTK does with white space depends on its two ends; behind a full stop its time grows with the gap's square."""
_SENTENCES_KEPT, _KEPT_CHARACTERS = 256, 1_000
"""Texts that differ in a word, as an explanation compares them, have most sentences in common."""


def words_of(text: str) -> list[str]:
    """The lower-case NLTK tokens of a text of any number of sentences; empty for a blank text."""
    return list(_each_word(text))


def _each_word(text: str) -> Iterator[str]:
    """The words, one sentence at a time, so that whoever needs a few does not wait for all."""
    for sentence in _SENTENCE_END.split(_WIDE_GAP.sub(r"\1", text.lower().strip())):
        yield from (_kept_tokens if len(sentence) <= _KEPT_CHARACTERS else _tokens)(sentence)


def _tokens(sentence: str) -> tuple[str, ...]:
    return tuple(word_tokenize(sentence, preserve_line=True))


_kept_tokens = lru_cache(_SENTENCES_KEPT)(_tokens)


def vocabulary_of(texts: Iterable[Sequence[str]], min_count: int) -> list[str]:
    """The special tokens, then every word that occurs at least `min_count` times in the texts, the most frequent first.

    Words of equal frequency stand in alphabetical order, so the same captions give the same numbers in any order.
    """
    counts = Counter(word for words in texts for word in words)
    kept = sorted(
        (word for word, count in counts.items() if count >= min_count), key=lambda w: (-counts[w], w)
    )
    return [*SPECIAL_TOKENS, *(word for word in kept if word not in SPECIAL_TOKENS)]


class WordTokenizer:
    """Encodes texts over one vocabulary, whose list position is the token's id.

    Raises ValueError when the vocabulary does not begin with the four special tokens or names a word twice.
    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        if tuple(vocabulary[:4]) != SPECIAL_TOKENS:
            raise ValueError(f"A vocabulary begins with {' '.join(SPECIAL_TOKENS)}.")
        self.vocabulary = vocabulary
        self._ids = {word: number for number, word in enumerate(vocabulary)}
        if len(self._ids) != len(vocabulary):
            raise ValueError("A vocabulary names each word once.")

    def __len__(self) -> int:
        return len(self._ids)

    def encode(self, text: str, max_tokens: int) -> list[int]:
        """Ids of `<start>`, the words, `<end>`: at most `max_tokens` (≥ 2); a longer text loses its last words."""
        return self.encode_words(islice(_each_word(text), max_tokens), max_tokens)

    def words(self, text: str, max_tokens: int) -> list[str]:
        """The words that `encode` reads, in their order."""
        return list(islice(_each_word(text), max(0, max_tokens - 2)))

    def knows(self, word: str) -> bool:
        """Whether a lower-case word has an id of its own."""
        return word in self._ids

    def encode_words(self, words: Iterable[str], max_tokens: int) -> list[int]:
        """As `encode`, of a text that is words already."""
        ids = [self._ids.get(word, UNKNOWN_ID) for word in words]
        return [START_ID, *ids[: max(0, max_tokens - 2)], END_ID]

    def unknown_share(self, texts: Iterable[Sequence[str]]) -> float:
        """The share, 0 to 1, of the texts' words that the vocabulary lacks; 0 for no words."""
        words = [word for text in texts for word in text]
        return sum(word not in self._ids for word in words) / max(1, len(words))

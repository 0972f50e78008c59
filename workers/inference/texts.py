"""Texts to what a text encoder takes: token ids padded to the longest of the batch, and their lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workers.inference.byte_pairs import BytePairTokenizer
from workers.inference.errors import BundleError, TextError
from workers.inference.words import UnknownWords, only_function_words, unknown_among
from workers.neural.tokens import WordTokenizer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from workers.inference.manifest import TextSpec

TOKENIZERS: dict[str, type[WordTokenizer] | type[BytePairTokenizer]] = {
    "nltk-words": WordTokenizer,
    "clip-bpe": BytePairTokenizer,
}
_MARKS = 2
"""Start and end, which even a text without words would have."""
_CHARACTERS_PER_TOKEN = 64
"""What lies beyond this many characters per allowed token is not even tokenised."""


class TextReader:
    """Tokenises texts as the manifest says. Raises BundleError where the vocabulary is not valid."""

    def __init__(self, spec: TextSpec, folder: Path) -> None:
        self.spec = spec
        lines = _read_vocabulary(folder / spec.vocabulary)
        try:
            self._tokenizer = TOKENIZERS[spec.tokenizer](lines)
        except ValueError as error:
            raise BundleError("bundle.vocabulary_invalid", reason=str(error)) from error

    @property
    def vocabulary(self) -> Sequence[str]:
        """Every token, in the order of its id."""
        return self._tokenizer.vocabulary

    def encode(self, text: str) -> list[int]:
        """Return the ids of one text, at most `max_tokens`; raises TextError `text.empty` where it has no words."""
        longest = self.spec.max_tokens * _CHARACTERS_PER_TOKEN
        ids = self._tokenizer.encode(text[:longest], self.spec.max_tokens)
        if len(ids) <= _MARKS:
            raise TextError("text.empty/passage")
        return ids

    def unknown_words(self, text: str) -> UnknownWords:
        """Return which of the words that `encode` reads are not in the vocabulary; none where it knows every byte."""
        if not isinstance(self._tokenizer, WordTokenizer):
            return UnknownWords(nothing_known=only_function_words(text))
        longest, most = self.spec.max_tokens * _CHARACTERS_PER_TOKEN, self.spec.max_tokens
        words = self._tokenizer.words(text[:longest], most)
        return unknown_among(words, self._tokenizer.knows, text)


def pad_ids(rows: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return tokens (batch, longest), padded with 0, and lengths (batch)."""
    lengths = np.array([len(row) for row in rows], np.int64)
    tokens = np.zeros((len(rows), int(lengths.max())), np.int64)
    for at, row in enumerate(rows):
        tokens[at, : len(row)] = row
    return tokens, lengths


def batches_by_length(rows: Sequence[Sequence[int]], size: int) -> Iterator[list[int]]:
    """Yield lists of at most `size` positions in `rows`, of similar length, so that little is padded."""
    order = sorted(range(len(rows)), key=lambda at: len(rows[at]))
    for start in range(0, len(order), size):
        yield order[start : start + size]


def _read_vocabulary(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BundleError("bundle.vocabulary_invalid/encoding") from error
    if "\0" in text:
        raise BundleError("bundle.vocabulary_invalid/nul")
    return text.removesuffix("\n").split("\n")

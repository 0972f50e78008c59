"""Texts to what a text encoder takes: token ids, padded, their lengths, and what else the manifest's feed names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from workers.inference.byte_pairs import BytePairTokenizer
from workers.inference.errors import BundleError, TextError
from workers.inference.text_feed import TextFeed
from workers.inference.words import UnknownWords, only_function_words, unknown_among, unknown_at
from workers.neural.tokens import WordTokenizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from workers.inference.manifest import TextSpec

    Ids = NDArray[np.int64]


class TextTokenizer(Protocol):
    """What turns texts into ids, one kind for each `tokenizer` of a manifest."""

    @property
    def vocabulary(self) -> Sequence[str]:
        """Every token, in the order of its id."""
        ...

    def ids(self, text: str) -> list[int]:
        """The ids of one text, those of marks included; none for a text without words."""
        ...

    def unknown_words(self, text: str) -> UnknownWords:
        """Which of the words that are read the model does not know."""
        ...


_MARKS = 2
"""Start and end, which even a text without words would have."""
_CHARACTERS_PER_TOKEN = 64
"""What lies beyond this many characters per allowed token is not even tokenised."""


class _NltkWords:
    """`nltk-words`: a word is a token."""

    def __init__(self, path: Path, spec: TextSpec) -> None:
        self._tokenizer = WordTokenizer(_read_vocabulary(path))
        self._most = spec.max_tokens
        self.vocabulary: Sequence[str] = self._tokenizer.vocabulary

    def ids(self, text: str) -> list[int]:
        return _with_words(self._tokenizer.encode(text, self._most))

    def unknown_words(self, text: str) -> UnknownWords:
        return unknown_among(self._tokenizer.words(text, self._most), self._tokenizer.knows, text)


class _BytePairs:
    """`clip-bpe`: every byte is known."""

    def __init__(self, path: Path, spec: TextSpec) -> None:
        self._tokenizer = BytePairTokenizer(_read_vocabulary(path))
        self._most = spec.max_tokens
        self.vocabulary: Sequence[str] = self._tokenizer.vocabulary

    def ids(self, text: str) -> list[int]:
        return _with_words(self._tokenizer.encode(text, self._most))

    def unknown_words(self, text: str) -> UnknownWords:
        return UnknownWords(nothing_known=only_function_words(text))


class _Subwords:
    """`tokenizers`: whatever a `tokenizer.json` says."""

    def __init__(self, path: Path, spec: TextSpec) -> None:
        # Imported here: only bundles of this kind need the library.
        from workers.inference.subwords import SubwordTokenizer

        feed = spec.feed or TextFeed()
        self._tokenizer = SubwordTokenizer(path.read_bytes(), spec.max_tokens, lowercase=feed.lowercase)
        if feed.pad >= self._tokenizer.size:
            raise ValueError("The id that pads texts is not in it.")

    @property
    def vocabulary(self) -> Sequence[str]:
        return self._tokenizer.vocabulary

    def ids(self, text: str) -> list[int]:
        ids, own = self._tokenizer.encode(text)
        return ids if own else []

    def unknown_words(self, text: str) -> UnknownWords:
        return unknown_at(self._tokenizer.unknown_places(text), text)


TOKENIZERS: dict[str, Callable[[Path, TextSpec], TextTokenizer]] = {
    "nltk-words": _NltkWords, "clip-bpe": _BytePairs, "tokenizers": _Subwords,
}  # fmt: skip


class TextReader:
    """Tokenises texts as the manifest says. Raises BundleError where the vocabulary is not valid."""

    def __init__(self, spec: TextSpec, folder: Path) -> None:
        self.spec = spec
        try:
            self._tokenizer = TOKENIZERS[spec.tokenizer](folder / spec.vocabulary, spec)
        except ValueError as error:
            raise BundleError("bundle.vocabulary_invalid", reason=str(error)) from error

    @property
    def vocabulary(self) -> Sequence[str]:
        """Every token, in the order of its id."""
        return self._tokenizer.vocabulary

    def encode(self, text: str) -> list[int]:
        """Return the ids of one text, at most `max_tokens`; raises TextError `text.empty` where it has no words."""
        ids = self._tokenizer.ids(self._bounded(text))
        if not ids:
            raise TextError("text.empty/passage")
        return ids

    def unknown_words(self, text: str) -> UnknownWords:
        """Return which of the words that `encode` reads are not in the vocabulary; none where it knows every byte."""
        return self._tokenizer.unknown_words(self._bounded(text))

    def _bounded(self, text: str) -> str:
        return text[: self.spec.max_tokens * _CHARACTERS_PER_TOKEN]


def pad_ids(rows: Sequence[Sequence[int]], spec: TextSpec | None = None) -> tuple[Ids, Ids]:
    """Return tokens (batch, longest) and lengths (batch), padded as the manifest says: with 0 unless it has a feed."""
    feed = spec.feed if spec and spec.feed else TextFeed()
    lengths = np.array([len(row) for row in rows], np.int64)
    longest = spec.max_tokens if spec and feed.padding == "fixed" else int(lengths.max())
    tokens = np.full((len(rows), longest), feed.pad, np.int64)
    for at, row in enumerate(rows):
        tokens[at, : len(row)] = row
    return tokens, lengths


def graph_inputs(tokens: Ids, lengths: Ids, spec: TextSpec) -> dict[str, NDArray[Any]]:
    """Return what a text graph is given, by the names of its inputs, for padded tokens and their lengths."""
    feed = spec.feed or TextFeed()
    inside = np.arange(tokens.shape[1]) < lengths[:, None]
    made = {
        "lengths": lengths,
        "attention_mask": inside,
        "token_type_ids": np.zeros_like(tokens),
        feed.ids: tokens,
    }
    return {name: made[name].astype(feed.integers) for name in feed.inputs}


def batches_by_length(rows: Sequence[Sequence[int]], size: int) -> Iterator[list[int]]:
    """Yield lists of at most `size` positions in `rows`, of similar length, so that little is padded."""
    order = sorted(range(len(rows)), key=lambda at: len(rows[at]))
    for start in range(0, len(order), size):
        yield order[start : start + size]


def _with_words(ids: list[int]) -> list[int]:
    """Return no ids where there are but start and end."""
    return ids if len(ids) > _MARKS else []


def _read_vocabulary(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BundleError("bundle.vocabulary_invalid/encoding") from error
    if "\0" in text:
        raise BundleError("bundle.vocabulary_invalid/nul")
    return text.removesuffix("\n").split("\n")

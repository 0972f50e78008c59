"""CLIP's tokenizer: words as pieces that a list of merges builds from bytes (Sennrich 2016, Radford 2021).

The list alone decides every id: 256 bytes, the same at the end of a word, a piece for each merge, start, end.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import regex

if TYPE_CHECKING:
    from collections.abc import Sequence

WORD_END = "</w>"
START, END = "<|startoftext|>", "<|endoftext|>"
_HEADER = "#version"
_VISIBLE = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
_HIDDEN = [byte for byte in range(256) if byte not in _VISIBLE]
BYTES = {byte: chr(byte) for byte in _VISIBLE} | {byte: chr(256 + at) for at, byte in enumerate(_HIDDEN)}
"""A character that can be seen for each byte, in the order of CLIP's ids."""
_WORDS = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+")
_MARKS = regex.compile(r"(\p{M}{30})\p{M}++")
"""Marks on one letter beyond thirty, which no script writes (UAX #15, stream-safe text): the time for bringing them
into their canonical order grows with the square of their number."""

_LONGEST_WORD = 256
"""Bytes of a word that are looked at: the time for merging them grows with their square."""
_WORDS_KEPT = 20_000


class BytePairTokenizer:
    """Encodes texts by a list of merges, one of two pieces a line, the first merged first.

    Raises ValueError where a line is not two pieces, a piece is unknown by then, or comes twice.
    """

    def __init__(self, merges: Sequence[str]) -> None:
        pairs = [_pair(line) for line in merges if line and not line.startswith(_HEADER)]
        self.vocabulary = _vocabulary(pairs)
        self._ranks = {pair: rank for rank, pair in enumerate(pairs)}
        self._ids = {piece: at for at, piece in enumerate(self.vocabulary)}
        self._word = lru_cache(_WORDS_KEPT)(self._merged)

    def encode(self, text: str, max_tokens: int) -> list[int]:
        """Ids of start, the text's pieces, end: at most `max_tokens` (≥ 2); a longer text loses its last pieces.

        Start and end written out in a text are words like others.
        """
        ids: list[int] = []
        readable = unicodedata.normalize("NFC", _MARKS.sub(r"\1", text)).lower()
        for word in _WORDS.findall(readable):
            if len(ids) >= max_tokens - 2:
                break
            ids += self._word(word)
        return [self._ids[START], *ids[: max(0, max_tokens - 2)], self._ids[END]]

    def _merged(self, word: str) -> tuple[int, ...]:
        """The ids of one word: the earliest merge of the list first, until none fits."""
        pieces = [BYTES[byte] for byte in word.encode()[:_LONGEST_WORD]]
        pieces[-1] += WORD_END
        while len(pieces) > 1:
            pair = min(pairwise(pieces), key=lambda pair: self._ranks.get(pair, len(self._ranks)))
            if pair not in self._ranks:
                break
            pieces = _join(pieces, pair)
        return tuple(self._ids[piece] for piece in pieces)


def _join(pieces: list[str], pair: tuple[str, str]) -> list[str]:
    """Every such pair as one piece, from left to right."""
    joined: list[str] = []
    for piece in pieces:
        if joined and (joined[-1], piece) == pair:
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined


def _pair(line: str) -> tuple[str, str]:
    pieces = line.split(" ")
    if len(pieces) != 2 or not all(pieces):
        raise ValueError(f"“{line[:80]}” is no merge of two pieces.")
    return pieces[0], pieces[1]


def _vocabulary(pairs: list[tuple[str, str]]) -> list[str]:
    """Every piece, in the order of its id."""
    known = dict.fromkeys([*BYTES.values(), *(byte + WORD_END for byte in BYTES.values())])
    for left, right in pairs:
        if left not in known or right not in known or left + right in known:
            raise ValueError(f"The merge “{left} {right}” joins unknown pieces, or comes twice.")
        known[left + right] = None
    return [*known, START, END]

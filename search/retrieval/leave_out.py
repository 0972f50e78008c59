"""Which words of a text carry a score: by how much it falls where they are left out.

Of a text with few different words each is left out in turn. A longer one is looked at twice: first some words in a row
are left out at a time, then each word of the rows that carried most.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from workers.encoding.wire import LEFT_OUT_MAX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    Score = Callable[[Sequence[str]], NDArray[np.float32]]
    """From at most `LEFT_OUT_MAX` texts to their scores."""

WORDS_MAX = 2 * LEFT_OUT_MAX - 2
"""Different words of a text of which each is left out: two questions to the encoder, each with the whole text."""
_WORD = re.compile(r"\w[\w'’/.-]*\w|\w")


@dataclass(frozen=True)
class Word:
    """A word where it stands in its text. `share`: its part of what carried the score, below 0 where it spoke against.

    `matched`: the other side of the search has it too.
    """

    text: str
    start: int
    end: int
    share: float = 0.0
    matched: bool = False


def folded(text: str) -> str:
    """Return a word without case and accents, for comparing."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in plain if not unicodedata.combining(character))


def words_of(text: str) -> list[Word]:
    """Return the words of a text in their order."""
    return [Word(found[0], found.start(), found.end()) for found in _WORD.finditer(text)]


def shares(text: str, score: Score) -> list[Word]:
    """Return the words of a text with their shares; those that are nearer to 0 than can be told have 0."""
    words = words_of(text)
    different = _by_form(words)
    if len(different) <= 1:
        return [replace(word, share=1.0) for word in words]
    if len(different) > WORDS_MAX:
        different = _of_the_strongest(text, words, score)
    drops = _drops(text, list(different.values()), score)
    carried = float(sum(drop for drop in drops if drop > 0))
    found = {
        form: round(drop / carried, 4) if carried else 0.0
        for form, drop in zip(different, drops, strict=True)
    }
    return [replace(word, share=found.get(folded(word.text), 0.0)) for word in words]


def _by_form(words: Iterable[Word]) -> dict[str, list[Word]]:
    """Return all places of each different word."""
    found: dict[str, list[Word]] = {}
    for word in words:
        found.setdefault(folded(word.text), []).append(word)
    return found


def _of_the_strongest(text: str, words: Sequence[Word], score: Score) -> dict[str, list[Word]]:
    """Return the different words of the rows of words that carry most, as many as are left out one by one."""
    edges = np.linspace(0, len(words), LEFT_OUT_MAX).round().astype(int)
    rows = [words[start:end] for start, end in pairwise(edges) if end > start]
    drops = _drops(text, rows, score)
    strongest = [word for place in np.argsort(-drops) for word in rows[place]]
    wanted = list(_by_form(strongest))[:WORDS_MAX]
    every = _by_form(words)
    return {form: every[form] for form in wanted}


def _drops(text: str, groups: Sequence[Sequence[Word]], score: Score) -> NDArray[np.float32]:
    """Return by how much the score falls without each group of words."""
    found: list[float] = []
    for start in range(0, len(groups), LEFT_OUT_MAX - 1):
        without = [_without(text, group) for group in groups[start : start + LEFT_OUT_MAX - 1]]
        scores = score([text, *without])
        found += [float(scores[0] - other) for other in scores[1:]]
    return np.array(found, np.float32)


def _without(text: str, left_out: Iterable[Word]) -> str:
    kept, at = [], 0
    for word in sorted(left_out, key=lambda word: word.start):
        kept.append(text[at : word.start])
        at = word.end
    return " ".join("".join([*kept, text[at:]]).split())

"""Splitting a body into passages: sentence-bounded spans of a size that a text encoder reads well.

Sentences end by rules instead of a trained model: they need no data, cost no memory in the web process, and give the
same spans for the same text for ever, on which "unchanged text keeps its vector" depends.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workers.extraction.types import CELLS_BETWEEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

WORDS_TARGET = 60
WORDS_MAX = 90
WORDS_TAIL = 15
"""A last passage shorter than this joins the one before it."""

ROW_WORDS_MAX = 400
"""A row of a table is not cut, unless it is no row that a person could read."""

WORD_CHARACTERS_MAX = 40
"""A longer run without a space counts as several words: some scripts write none, and so do serial numbers."""

MARKS_MAX = 4 * WORD_CHARACTERS_MAX
"""A letter has no more marks than these; what only looks like one letter is cut, so that every passage is bounded."""

# Every pattern is linear: a run is looked at from its first character only, and never given back (`++`, `*+`).
_PARAGRAPH = re.compile(r"\n[^\S\n]*+\n\s*+|[\f\u2029]")
_END = re.compile(
    r"(?<![.!?…])[.!?…]++[\"'”’»)\]]*+(?=\s)|[。！？]++[」』”]*+|\n(?=\s*+(?:[-*•–]|\d++[.)])\s)"
)
_WORD = re.compile(r"\S+")
_NEXT_LETTER = re.compile(r"\S")
_ABBREVIATIONS = frozenset(
    """
    al approx art bzw ca cf ch dept dr e.g ed eds eq etc fig figs i.e inc incl ltd max min mr mrs ms
    no nos nr p pp prof ref resp sec st tab tel u.a vgl vol vs z.b
    """.split()  # noqa: SIM905 - reads better than fifty quoted strings
)
"""One list for all languages: docs/administration.md, “Words and languages”, says why."""


@dataclass(frozen=True)
class Span:
    """Character offsets of one passage in its body, `start` included and `end` excluded."""

    start: int
    end: int


def passages(body: str, breaks: Sequence[int] = ()) -> list[Span]:
    """Return the spans of a body's passages, in order, without overlap and without outer white space.

    Whole sentences are packed until about `WORDS_TARGET` words; a sentence longer than `WORDS_MAX` is cut between
    words. No passage reaches across one of the `breaks`, ascending offsets at which a section or page begins. A body of
    white space has none.
    """
    spans: list[Span] = []
    for first, last in itertools.pairwise((0, *breaks, len(body))):
        if last > first:
            spans += _passages_between(body, Span(first, last))
    return spans


def _passages_between(body: str, whole: Span) -> list[Span]:
    packed: list[tuple[Span, int]] = []
    for span in sentences(body, whole):
        words = _count_words(body, span)
        if packed and _fits(packed[-1][1], words):
            packed[-1] = (Span(packed[-1][0].start, span.end), packed[-1][1] + words)
        else:
            packed.append((span, words))
    return [span for span, _ in _join_tail(packed)]


def _fits(gathered: int, words: int) -> bool:
    return gathered < WORDS_TARGET and gathered + words <= WORDS_MAX


def _join_tail(packed: list[tuple[Span, int]]) -> list[tuple[Span, int]]:
    if len(packed) < 2 or packed[-1][1] >= WORDS_TAIL:
        return packed
    (before, words), (tail, tail_words) = packed[-2:]
    if words + tail_words > WORDS_MAX:
        return packed
    return [*packed[:-2], (Span(before.start, tail.end), words + tail_words)]


def sentences(body: str, whole: Span | None = None) -> Iterator[Span]:
    """Yield the spans of the sentences, those that are too long cut into pieces of at most `WORDS_MAX` words.

    A row of a table is one, whatever stands in its cells, and is cut only beyond `ROW_WORDS_MAX` words.
    """
    whole = whole or Span(0, len(body))
    for paragraph in _between(body, whole, _PARAGRAPH.finditer(body, whole.start, whole.end)):
        if _is_row(body, paragraph):
            yield from _cut(body, paragraph, ROW_WORDS_MAX)
            continue
        ends = (match for match in _END.finditer(body, paragraph.start, paragraph.end) if _ends(body, match))
        for sentence in _up_to(paragraph, ends):
            yield from _cut(body, _stripped(body, sentence))


def _between(body: str, whole: Span, gaps: Iterable[re.Match[str]]) -> Iterator[Span]:
    start = whole.start
    for gap in gaps:
        yield _stripped(body, Span(start, gap.start()))
        start = gap.end()
    yield _stripped(body, Span(start, whole.end))


def _up_to(whole: Span, ends: Iterable[re.Match[str]]) -> Iterator[Span]:
    start = whole.start
    for end in ends:
        yield Span(start, end.end())
        start = end.end()
    yield Span(start, whole.end)


def _ends(body: str, match: re.Match[str]) -> bool:
    """Tell a sentence's end from an abbreviation, an initial and an ellipsis inside a sentence."""
    if not match[0].startswith((".", "…")):
        return True
    following = _NEXT_LETTER.search(body, match.end())
    if following is not None and following[0].islower():
        return False
    before = body[max(0, match.start() - WORD_CHARACTERS_MAX) : match.start()].removesuffix("\n")
    word = "" if not before or before[-1].isspace() else before.split()[-1].lstrip("(“\"'")
    is_initial = len(word) == 1 and word.isalpha() and word.isupper()
    return not (word.lower() in _ABBREVIATIONS or is_initial)


def _stripped(body: str, span: Span) -> Span:
    text = body[span.start : span.end]
    start = span.start + len(text) - len(text.lstrip())
    return Span(start, max(start, span.start + len(text.rstrip())))


def _is_row(body: str, paragraph: Span) -> bool:
    """Tell a row of a table: one line with marks between its cells."""
    between = body.find(CELLS_BETWEEN, paragraph.start, paragraph.end)
    return between >= 0 and body.find("\n", paragraph.start, paragraph.end) < 0


def _cut(body: str, span: Span, most: int = WORDS_MAX) -> Iterator[Span]:
    """Yield the span, or where it has too many words its pieces; nothing for an empty one."""
    words = list(_words(body, span))
    for first in range(0, len(words), most):
        piece = words[first : first + most]
        yield Span(piece[0].start, piece[-1].end)


def _words(body: str, span: Span) -> Iterator[Span]:
    """Yield the words' spans; runs without a space come in pieces that never part a letter from its marks."""
    for match in _WORD.finditer(body, span.start, span.end):
        start = match.start()
        while match.end() - start > WORD_CHARACTERS_MAX:
            end = start + WORD_CHARACTERS_MAX
            most = min(match.end(), end + MARKS_MAX)
            while end < most and _belongs_to_letter_before(body, end):
                end += 1
            yield Span(start, end)
            start = end
        if start < match.end():
            yield Span(start, match.end())


def _belongs_to_letter_before(body: str, at: int) -> bool:
    joiner = "\u200d"
    return unicodedata.category(body[at])[0] == "M" or joiner in (body[at], body[at - 1])


def _count_words(body: str, span: Span) -> int:
    return sum(1 for _ in _words(body, span))

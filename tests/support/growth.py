"""How the time of a function grows with its text, over texts that were made to be slow."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FACTOR = 8
"""A linear function takes 8 times as long for a text of 8 times the length, a quadratic one 64 times."""

GENEROUS = 4
TRIES = 3
NOTHING_SECONDS = 0.01
"""Below this a ratio says nothing."""

UNITS = [
    ".", "!", "?\"", ". ", "a. ", " .", ".a", "...a", " ", "\n", "\n ", "\r\n", "\t", "\x0b", "\u2029", "\f",
    "\"", "'", "`", "''", "(", ")", "[", "] ", ".] ", ".\" ", "1", "1.", "\n1", "\n-", "\n- a", "-", "--", ",", ":",
    "$", "#", "#1", "|", "\\", "&", "<", ">", "@", "%", "a", "A", "ab ", "can't ", "cannot", "'s", "e.g. ", "Dr. ",
    "e\u0301", "\u0301", "\u0316\u0301", "a" + "\u0316\u0301" * 40, "👩\u200d", "👩\u200d👩 ", "\u200d", "\u200f",
    "\u202e", "\x00", "\ufeff", "long" * 30, "long" * 30 + " ", "。", "！」", "漢", "…", "ß", "İ", "ﬁ", "\u1100\u1161",
]  # fmt: skip


def text_of(unit: str, characters: int, *, around: bool = False) -> str:
    """A text of so many characters made of one unit; `around` puts what a pattern may look for before and behind."""
    text = (unit * (characters // len(unit) + 1))[:characters]
    return f'a.] "{text}b' if around else text


def grows_too_fast(work: Callable[[str], object], unit: str, characters: int, *, around: bool = False) -> str:
    """Return "" where the time for 8 times the text is within bounds, else what was measured."""
    for _ in range(TRIES):
        short = min(_seconds(work, text_of(unit, characters, around=around)) for _ in range(3))
        long = _seconds(work, text_of(unit, FACTOR * characters, around=around))
        if long <= NOTHING_SECONDS + GENEROUS * FACTOR * short:
            return ""
    return f"{unit[:12]!r}: {short * 1000:.1f} ms, of {FACTOR} times the text {long * 1000:.1f} ms"


def too_fast(work: Callable[[str], object], characters: int) -> list[str]:
    """Return what was measured for each text whose time grows too fast."""
    found = (
        grows_too_fast(work, unit, characters, around=around) for unit in UNITS for around in (False, True)
    )
    return [words for words in found if words]


def _seconds(work: Callable[[str], object], text: str) -> float:
    """Return the processor time of this thread; the collector's rounds belong to whatever arose before, too."""
    gc.disable()
    try:
        began = time.thread_time()
        work(text)
        return time.thread_time() - began
    finally:
        gc.enable()

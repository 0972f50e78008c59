"""Which identifiers a document names, and which a search may mean.

An identifier is known by its letters and digits alone: `KX-204/B`, `kx204b` and `KX 204 B` are one. Three kinds count:
a document's external id; a value of its metadata that has a digit; and words of its text that mix letters and digits.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

LENGTH_MIN, LENGTH_MAX = 3, 100
"""Of what stands in a text; a whole external id or value of metadata may be shorter."""
DIGITS_MIN = 4
"""A number inside a search's words is looked up from this length on: “2 bolts” names nothing."""
CHUNKS_MAX = 6
ASKED_MAX = 300
IDENTIFIERS_MAX = 2000
"""Of one document: a table of part numbers in a text of two million characters is cut there."""

CHUNK = re.compile(r"[^\W_]+")
_IN_TEXT = re.compile(r"[^\W_]+(?:[-/._:#+][^\W_]+)*")
_CODE = re.compile(r"(?:[^\W_]*\d[^\W_]*|[A-Z]{1,4})$")


def normalised(written: str) -> str:
    """Return the letters and digits of an identifier, in lower case."""
    return "".join(CHUNK.findall(written)).casefold()


def identifiers_of(external_id: str, title: str, body: str, metadata: Mapping[str, Any]) -> dict[str, str]:
    """Return what a document is called, normalised, each with the first of external, metadata and text that has it."""
    found = {normalised(external_id): "external"}
    for value in _scalars(metadata):
        if any(character.isdigit() for character in value):
            found.setdefault(normalised(value), "metadata")
    for value in _in_text(f"{title}\n{body}"):
        if len(found) >= IDENTIFIERS_MAX:
            break
        found.setdefault(value, "text")
    return {value: source for value, source in found.items() if 0 < len(value) <= LENGTH_MAX}


def asked_identifiers(text: str) -> list[str]:
    """Return what a search's words may name, normalised: all of them as one, and each run of neighbours that could."""
    chunks = [chunk.casefold() for chunk in CHUNK.findall(text)]
    whole = "".join(chunks)
    found = {whole: None} if 0 < len(whole) <= LENGTH_MAX else {}
    for run in chunk_runs(len(chunks)):
        value = "".join(chunks[run])
        if len(found) < ASKED_MAX and _may_name(value):
            found.setdefault(value)
    return list(found)


def chunk_runs(count: int) -> Iterator[slice]:
    """Yield where each run of neighbours stands among so many chunks, the longest first."""
    for length in range(min(CHUNKS_MAX, count), 0, -1):
        for start in range(count - length + 1):
            yield slice(start, start + length)


def not_within_others(values: Iterable[str], texts: Iterable[str]) -> set[str]:
    """Return the values that are no part of a longer one: of “KX-204/B” found as a whole, “KX-204” is not meant.

    `texts` are what was asked for or read, normalised: “KX-20 and KX-204” name both.
    """
    different, whole = set(values), list(texts)
    return {value for value in different if not _is_within(value, different, whole)}


def _is_within(value: str, different: Iterable[str], texts: Iterable[str]) -> bool:
    """Return whether a value stands in the texts nowhere but inside longer ones; what stands in none, within others."""
    longer = [other for other in different if value != other and value in other]
    for text in texts if longer else ():
        covered = [(at, at + len(other)) for other in longer for at in _places(other, text)]
        ends = ((at, at + len(value)) for at in _places(value, text))
        if any(all(at < start or end < upto for start, end in covered) for at, upto in ends):
            return False
    return bool(longer)


def _places(value: str, text: str) -> Iterator[int]:
    at = text.find(value)
    while at >= 0:
        yield at
        at = text.find(value, at + 1)


def _may_name(value: str) -> bool:
    if value.isdigit():
        return DIGITS_MIN <= len(value) <= LENGTH_MAX
    return _is_mixed(value)


def _is_mixed(value: str) -> bool:
    has_digit = any(character.isdigit() for character in value)
    return LENGTH_MIN <= len(value) <= LENGTH_MAX and has_digit and not value.isdigit()


def _scalars(value: Any) -> Iterator[str]:
    """Yield every string and number in metadata, however deep; its depth is bounded where it is written."""
    if isinstance(value, dict):
        for each in value.values():
            yield from _scalars(each)
    elif isinstance(value, list):
        for each in value:
            yield from _scalars(each)
    elif isinstance(value, (str, int, float)) and not isinstance(value, bool):
        yield str(value)


def _in_text(text: str) -> Iterator[str]:
    """Yield words that mix letters and digits, joined where signs or, between parts of a code, single spaces part them.

    Parts of a code are numbers, mixed words and up to four capitals: “KX 204 B”, but not “page 12”.
    """
    parts: list[str] = []
    end = 0
    for match in _IN_TEXT.finditer(text):
        chunks = CHUNK.findall(match[0])
        word = "".join(chunks).casefold()
        if not all(map(_CODE.match, chunks)):
            parts = []
            if _is_mixed(word):
                yield word
        else:
            goes_on = parts and text[end : match.start()] == " "
            parts = [*parts, word][-CHUNKS_MAX:] if goes_on else [word]
            yield from _named_by(parts)
        end = match.end()


def _named_by(parts: Sequence[str]) -> Iterator[str]:
    """Yield what mixes letters and digits of all that ends with the last part, the longest first."""
    whole = "".join(parts)
    if whole.isdigit() or whole.isalpha():
        return
    for first in range(len(parts)):
        value = "".join(parts[first:])
        if _is_mixed(value):
            yield value

"""Which identifiers the lines and barcodes of a photo may mean, and what is easily misread for them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from search.words.identifiers import CHUNK, LENGTH_MAX, chunk_runs, normalised

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

VALUES_MAX = 300
DIGITS_MIN = 6
"""A number alone is looked up from this length on: a plate has years, volts and revolutions beside its numbers."""
MIXED_MIN = 4
_AROUND = ".,;:()[]<>*•"
_LOOK_ALIKE = {"0": "o", "o": "0", "1": "il", "i": "1l", "l": "1i", "5": "s", "s": "5", "8": "b", "b": "8"}
_UNITS = (
    "v|vac|vdc|mv|kv|a|ma|ah|w|kw|mw|kva|va|hz|khz|mhz|rpm|min|mm|cm|m|m3|m3h|km|kg|g|t|bar|mbar|pa|kpa|mpa|psi"
    "|l|ml|lmin|lh|s|h|nm|n|c|f|k|db|dba|uf|ohm|ph|x|th|st|nd|rd"
)
_MEASURE = re.compile(rf"(?:\d+(?:{_UNITS}))+\d*|ip\d\d\w?|(?:pn|dn|ce|class|cl|iso|en|iec|din)\d+")
"""230V, 50Hz, 1.5 kW, IP65, DN 80 and their kin stand on many plates and name none."""


def read_identifiers(texts: Iterable[str]) -> dict[str, str]:
    """Return what lines and barcodes may name, normalised, each as it is written there: runs of neighbouring chunks."""
    found: dict[str, str] = {}
    for text in texts:
        for written in _runs(text):
            value = normalised(written)
            if len(found) < VALUES_MAX and _may_name(value):
                found.setdefault(value, written)
    return found


def shown_identifiers(texts: Iterable[str]) -> list[str]:
    """Return the words that look like identifiers, as they are written: what a person might want to search by."""
    words = (word.strip(_AROUND) for text in texts for word in text.split())
    found = {normalised(word): word for word in words if _may_name(normalised(word))}
    return list(found.values())


def _runs(text: str) -> Iterator[str]:
    chunks = list(CHUNK.finditer(text))
    for run in chunk_runs(len(chunks)):
        yield text[chunks[run][0].start() : chunks[run][-1].end()]


def look_alikes(value: str) -> list[str]:
    """Return what a reader may have taken for this: one or two characters are others that look like them."""
    ones = list(_replaced(value))
    return list(dict.fromkeys([*ones, *(two for one in ones for two in _replaced(one) if two != value)]))


def _replaced(value: str) -> Iterator[str]:
    for at, character in enumerate(value):
        for other in _LOOK_ALIKE.get(character, ""):
            yield f"{value[:at]}{other}{value[at + 1 :]}"


def _may_name(value: str) -> bool:
    if value.isdigit():
        return DIGITS_MIN <= len(value) <= LENGTH_MAX
    if not any(character.isdigit() for character in value) or not MIXED_MIN <= len(value) <= LENGTH_MAX:
        return False
    return not _MEASURE.fullmatch(value)

"""What a cell says: numbers, dates and yes or no, as people write them in tables."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from search.importers.mapping import DateOrder, DecimalSign

NUMBER_CHARACTERS_MAX = 40
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d{1,3})?", re.ASCII)
_GROUPED = {
    ".": re.compile(r"[+-]?\d{1,3}(?:[,'’ ]\d{3})+(\.\d+)?", re.ASCII),
    ",": re.compile(r"[+-]?\d{1,3}(?:[.'’ ]\d{3})+(,\d+)?", re.ASCII),
}
_SPACES = re.compile(r"[\s\u00a0\u202f]+")
_ISO = re.compile(
    r"\d{4}(-\d{2}(-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})?)?)?)?", re.ASCII
)
_PARTS = re.compile(r"(\d{1,2})\s*([./-])\s*(\d{1,2})\s*[./-]\s*(\d{4}|\d{2})", re.ASCII)
_YEAR_FIRST = re.compile(r"(\d{4})[./](\d{1,2})[./](\d{1,2})", re.ASCII)
_NAMED = re.compile(r"(\d{1,2})[.\s]+([^\W\d]+)\.?,?\s+(\d{4})|([^\W\d]+)\.?\s+(\d{1,2}),?\s+(\d{4})")
_MONTHS = (
    ("jan", "jän"), ("feb",), ("mar", "mär", "mrz"), ("apr",), ("mai", "may", "maj"), ("jun",), ("jul",), ("aug",),
    ("sep",), ("okt", "oct"), ("nov",), ("dez", "dec"),
)  # fmt: skip
_TRUE = frozenset(
    {"true", "yes", "y", "1", "x", "ja", "j", "wahr", "✓", "✔", "vero", "vrai", "oui", "sí", "sic", "verum"}
)
_FALSE = frozenset({"false", "no", "n", "0", "-", "nein", "falsch", "faux", "non", "falso", "falsum"})
_CENTURY_AT = 70
"""Two digits of a year are of the twentieth century from here on."""


def number_in(text: str, decimal: DecimalSign = ".") -> float | int | None:
    """Return the number that a cell says, with `decimal` before its decimals; None for what is none."""
    plain = _SPACES.sub(" ", text).strip()[: NUMBER_CHARACTERS_MAX + 1]
    if len(plain) > NUMBER_CHARACTERS_MAX:
        return None
    if _GROUPED[decimal].fullmatch(plain):
        plain = re.sub(r"[ '’]|" + ("," if decimal == "." else r"\."), "", plain)
    plain = plain.replace(",", ".") if decimal == "," and "." not in plain else plain
    if not _NUMBER.fullmatch(plain):
        return None
    value = float(plain)
    if abs(value) > 1e300:
        return None
    return int(plain) if plain.lstrip("+-").isdigit() and len(plain) < 16 else value


def date_in(text: str, order: DateOrder = "dmy") -> str | None:
    """Return a cell's date as ISO 8601 writes it; a year or a month alone stays one. None for what is no date."""
    plain = _SPACES.sub(" ", text).strip()
    if _ISO.fullmatch(plain):
        return plain.replace(" ", "T") if _is_iso(plain) else None
    if found := _YEAR_FIRST.fullmatch(plain):
        return _day(*map(int, found.groups()))
    if found := _PARTS.fullmatch(plain):
        first, last, year = int(found[1]), int(found[3]), _year(found[4])
        in_order = (last, first) if order == "dmy" or found[2] == "." else (first, last)
        return _day(year, *in_order)
    if found := _NAMED.fullmatch(plain):
        day, month, year_text = (found[1], found[2], found[3]) if found[1] else (found[5], found[4], found[6])
        return _day(int(year_text), _month(month), int(day))
    return None


def _is_iso(text: str) -> bool:
    whole = {4: f"{text}-01-01", 7: f"{text}-01"}.get(len(text), text)
    try:
        datetime.fromisoformat(whole)
    except ValueError:
        return False
    return True


def _year(text: str) -> int:
    year = int(text)
    if len(text) == 4:
        return year
    return year + (1900 if year >= _CENTURY_AT else 2000)


def _month(name: str) -> int:
    beginning = name.lower()[:3]
    return next((number for number, names in enumerate(_MONTHS, start=1) if beginning in names), 0)


def _day(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


def boolean_in(text: str) -> bool | None:
    """Return whether a cell says yes or no, in a few languages; None for anything else."""
    plain = text.strip().lower()
    return True if plain in _TRUE else False if plain in _FALSE else None

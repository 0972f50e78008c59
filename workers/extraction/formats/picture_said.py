"""What a block of a picture's metadata says: EXIF, IPTC, XMP and PNG's texts have the same fields in other clothes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

FIELD_CHARACTERS_MAX, KEYWORDS_MAX = 20_000, 500
_DATE = re.compile(r"(\d{4})(?:[:\-/]?(\d\d)(?:[:\-/]?(\d\d))?)?")
_TIME = re.compile(r"[T ]?(\d\d):?(\d\d)(?::?(\d\d))?(?:\.\d+)?\s*(Z|[+-]\d\d:?\d\d)?$")


@dataclass
class Said:
    """Texts by field, "" and empty where nothing is said.

    `captions`: by language (BCP 47, "" unknown), the main one first. `created`: when the picture was taken, ISO 8601.
    """

    title: str = ""
    captions: dict[str, str] = field(default_factory=dict)
    authors: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    created: str = ""
    metadata: dict[str, str] = field(default_factory=dict)


def clean(text: str) -> str:
    """Return a text without NUL and needless white space, not too long."""
    return text.replace("\0", "").strip()[:FIELD_CHARACTERS_MAX]


def iso_time(text: str, offset: str = "") -> str:
    """Return a date, with its time where it has one, as ISO 8601; "" for what is no date.

    `offset` is from Greenwich, for a time that says none. Years and months alone stay so.
    """
    found = _DATE.match(text.strip())
    if found is None or not int(found[1]) > 0 or not _is_day(found[2], found[3]):
        return ""
    date = "-".join(part for part in found.groups() if part and part != "00")
    time = _TIME.match(text.strip()[found.end() :])
    if time is None or len(date) < len("2026-01-01") or not _is_time(time[1], time[2], time[3]):
        return date
    return f"{date}T{time[1]}:{time[2]}:{time[3] or '00'}{_offset(time[4] or offset)}"


def _is_day(month: str | None, day: str | None) -> bool:
    return int(month or 1) <= 12 and int(day or 1) <= 31


def _is_time(hour: str, minute: str, second: str | None) -> bool:
    return int(hour) < 24 and int(minute) < 60 and int(second or 0) < 61


def _offset(text: str) -> str:
    found = re.fullmatch(r"([+-]\d\d):?(\d\d)", text.strip())
    return f"{found[1]}:{found[2]}" if found else "Z" if text.strip() == "Z" else ""

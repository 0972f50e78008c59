"""Dates as files say them, as ISO 8601."""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import parsedate_to_datetime

_CHARACTERS_MAX = 100
_PARTIAL = re.compile(r"\d{4}(-(0[1-9]|1[0-2]))?")


def iso_date(said: str) -> str:
    """Return a date that is written as in ISO 8601 or in mails; a year or a month will do. Empty for anything else."""
    text = said.strip()[:_CHARACTERS_MAX]
    if _PARTIAL.fullmatch(text):
        return text
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            date = parse(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        has_time = date.tzinfo is not None or date.time().isoformat() != "00:00:00"
        return date.isoformat() if has_time else date.date().isoformat()
    return ""

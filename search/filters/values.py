"""What tags and metadata are as values of fields: each a text, and a number or a moment where it is one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FieldType = Literal["string", "number", "date", "boolean"]

TAGS = "tags"
METADATA = "metadata."
NAME_MAX, VALUE_MAX = 200, 200
"""Characters. A longer key is no field, and a longer text no value of one."""
KEYS_MAX, ENTRIES_MAX = 200, 100
"""Of one document: keys of its metadata, by their order, and entries of a list."""
NUMBER_MAX = 1e300
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,9})?", re.ASCII)
"""A text that is a number, as in every cell of a table: `1990`, but not `007`, which is a name."""
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.]{4,15}(Z|[+-][0-9]{2}:?[0-9]{2})?)?", re.ASCII)


@dataclass(frozen=True)
class Value:
    """One value of a field of a document."""

    field: str
    type: FieldType
    text: str
    number: float | None = None
    moment: datetime | None = None


def values_of(tags: Sequence[str], metadata: Mapping[str, Any]) -> Iterator[Value]:
    """Yield every value of a document's fields, each once: its tags, and what its metadata say at the first level.

    A list gives a value for each of its entries; objects give none.
    """
    for tag in dict.fromkeys(tags):
        yield Value(TAGS, "string", tag)
    for key in islice(metadata, KEYS_MAX):
        if key and len(METADATA) + len(key) <= NAME_MAX:
            yield from _of_field(METADATA + key, metadata[key])


def is_metadata_field(name: str) -> bool:
    """Return whether a name is that of a key of metadata, as a field."""
    return name.startswith(METADATA) and len(METADATA) < len(name) <= NAME_MAX


def moment_of(text: str) -> datetime | None:
    """Return the moment of an ISO date, with a time or without; in UTC unless it says otherwise. None for others."""
    if not _DATE.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def number_of(value: Any) -> float | None:
    """Return a JSON number, or the number that a text is; None for others."""
    if isinstance(value, str):
        return float(value) if _NUMBER.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < NUMBER_MAX else None


def text_of(value: Any) -> str:
    """Return a scalar as a text: `1990`, `0.5`, `true`; "" for what is no value of a field."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value if len(value) <= VALUE_MAX else ""
    number = number_of(value)
    if number is None:
        return ""
    return str(int(value)) if number.is_integer() and abs(number) < 1e15 else repr(value)[:VALUE_MAX]


def _of_field(field: str, value: Any) -> Iterator[Value]:
    entries = islice(value, ENTRIES_MAX) if isinstance(value, list) else (value,)
    found = (_value(field, entry) for entry in entries)
    yield from {value.text: value for value in found if value}.values()


def _value(field: str, entry: Any) -> Value | None:
    text = text_of(entry)
    if not text:
        return None
    if isinstance(entry, bool):
        return Value(field, "boolean", text)
    if (number := number_of(entry)) is not None:
        return Value(field, "number", text, number=number)
    if (moment := moment_of(text)) is not None:
        return Value(field, "date", text, moment=moment)
    return Value(field, "string", text)

"""JSON files read as streams: the entries of their lists one by one, or every event; within `bounded_json`'s bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

import ijson

from workers.formats.bounded_json import BoundedReader, JsonError
from workers.formats.text import utf8_text

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON_ERRORS = (ijson.JSONError, JsonError, UnicodeDecodeError)
LIST_LEVEL = 1
LIST_IN_OBJECT_LEVEL = 2


def json_items(file: BinaryIO, prefix: str, level: int) -> Iterator[Any]:
    """Yield the values below `prefix`, read from the start of the file; `level` is how deep their list lies.

    Raises one of JSON_ERRORS where the file is no JSON, is nested too deeply, or has an entry too large to hold.
    """
    file.seek(0)
    # Without `use_float`, a number of more digits than Python reads ends ijson 3.6 by a segmentation fault.
    values: Iterator[Any] = ijson.items(
        BoundedReader(utf8_text(file), level), prefix, use_float=True, multiple_values=not prefix
    )
    return values


def json_events(file: BinaryIO) -> Iterator[tuple[str, str, Any]]:
    """Yield (prefix, event, value) of a whole file; raises as `json_items` does."""
    file.seek(0)
    bounded = BoundedReader(utf8_text(file), LIST_IN_OBJECT_LEVEL)
    events: Iterator[tuple[str, str, Any]] = ijson.parse(bounded, use_float=True, multiple_values=True)
    return events

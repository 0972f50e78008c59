"""A file of pairs: CSV with a header, or JSON Lines. Columns: `document` (external id), and `query` (id) or `text`."""

from __future__ import annotations

import csv
import io
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_noop

from retrieval_site.errors import AppError
from workers.formats.bounded_json import json_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

BYTES_MAX = 900_000
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
TEXT_MAX, DOCUMENT_MAX = 2_000, 200


@dataclass(frozen=True)
class Line:
    """One pair: the document's external id, and the kept search or the words. `number` is its line's, from 1."""

    number: int
    document: str
    query: uuid.UUID | None
    text: str


def read_pairs(file: bytes, most: int) -> list[Line]:
    """Return the pairs; raises AppError `judging.file_too_large`, `judging.file_not_text`, `judging.line`."""
    if len(file) > BYTES_MAX:
        raise AppError("judging.file_too_large", limit_bytes=BYTES_MAX, limit=most)
    try:
        text = file.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise AppError("judging.file_not_text") from error
    rows = json_lines(text, _wrong) if text.lstrip().startswith("{") else _csv(text)
    found: list[Line] = []
    for number, values in rows:
        if len(found) == most:
            raise AppError("judging.file_too_large", limit_bytes=BYTES_MAX, limit=most)
        found.append(_line(number, values))
    return found


def _csv(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            if None in row:
                raise _wrong(reader.line_num, gettext_noop("it has more cells than the header"))
            yield reader.line_num, row
    except csv.Error as error:
        raise _wrong(
            reader.line_num + 1, gettext_noop("it is not CSV")
        ) from error  # of the row after the last one read


def _line(number: int, values: dict[str, Any]) -> Line:
    document, query, text = (_value(number, values, name) for name in ("document", "query", "text"))
    if not document or len(document) > DOCUMENT_MAX:
        raise _wrong(number, f"`document` is not an external id of 1 to {DOCUMENT_MAX} characters")
    if bool(query) == bool(text):
        raise _wrong(number, gettext_noop("it has not one of `query` and `text`"))
    if len(text) > TEXT_MAX:
        raise _wrong(number, f"`text` has more than {TEXT_MAX} characters")
    try:
        return Line(number, document, uuid.UUID(query) if query else None, text)
    except ValueError as error:
        raise _wrong(number, gettext_noop("`query` is not the id of a search")) from error


def _value(number: int, values: dict[str, Any], name: str) -> str:
    value = values.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or _UNSTORABLE.search(value):
        raise _wrong(number, f"`{name}` is not text")
    return value.strip()


def _wrong(number: int, reason: str) -> AppError:
    return AppError("judging.line", line=number, reason=reason)

"""JSON files that are one value, a list of documents, or objects that stand one after another."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, BinaryIO

import ijson

from search.importers.fields import item_from
from search.importers.types import Item, Rejected, rejected
from workers.formats.bounded_json import JsonTooDeepError, JsonTooLargeError
from workers.formats.json_streams import JSON_ERRORS, LIST_LEVEL, json_items
from workers.formats.text import utf8_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from search.importers.types import Reading


def read_json(file: BinaryIO, reading: Reading) -> Iterator[Item]:
    """Yield the documents of a JSON list, or of objects that stand one after another."""
    prefix = "item" if _begins_with(file) == b"[" else ""
    try:
        for number, values in enumerate(json_items(file, prefix, LIST_LEVEL), start=1):
            where = f"entry {number}"
            if isinstance(values, dict):
                yield item_from(where, values, reading)
            else:
                yield rejected(where, "import.line_not_json/entry")
    except JSON_ERRORS as error:
        yield not_json(error, file)


def not_json(error: Exception, file: BinaryIO) -> Rejected:
    """Return the item that says from which line on a JSON file is not read, and why."""
    if isinstance(error, JsonTooDeepError):
        return rejected("rest of the file", "import.too_deep/rest", reason=str(error))
    if isinstance(error, JsonTooLargeError):
        return rejected("rest of the file", "import.entry_too_long", reason=str(error))
    line = _line_of_error(file, several=_begins_with(file) == b"{")
    reason = str(error).splitlines()[0]
    return rejected(f"line {line} and all behind it", "import.not_json", reason=reason)


def _begins_with(file: BinaryIO) -> bytes:
    file.seek(0)
    return utf8_text(file).read(64 * 1024).lstrip()[:1]


class _Counting:
    """A file that counts what it gave: from `lines_from` on line by line, so that a parser stops at the very one.

    Smaller pieces are never needed, and would cost: the parser reads a number or string again with each of its pieces.
    """

    def __init__(self, file: BinaryIO, lines_from: int = sys.maxsize) -> None:
        self._file = file
        self._lines_from = lines_from
        self.given = self.last = 0
        self.line = 1
        self._newlines = 0

    def read(self, size: int) -> bytes:
        self.line += self._newlines
        left = self._lines_from - self.given
        piece = self._file.read(min(size, left)) if left > 0 else self._file.readline(size)
        self.given, self.last = self.given + len(piece), len(piece)
        self._newlines = piece.count(b"\n")
        return piece


def _line_of_error(file: BinaryIO, *, several: bool) -> int:
    """Parse the file again up to the piece that broke it, then line by line; return the line reached."""
    coarse = _parsed_until_error(file, sys.maxsize, several=several)
    return _parsed_until_error(file, coarse.given - coarse.last, several=several).line


def _parsed_until_error(file: BinaryIO, lines_from: int, *, several: bool) -> _Counting:
    file.seek(0)
    counting = _Counting(utf8_text(file), lines_from)
    try:
        for _ in ijson.basic_parse(counting, use_float=True, multiple_values=several):
            pass
    except JSON_ERRORS:
        pass
    return counting

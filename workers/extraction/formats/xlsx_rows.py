"""The rows of an Excel workbook as a table, each with its number; a merged cell stands in all rows that it covers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from workers.extraction.formats.ooxml import OfficePackage
from workers.extraction.formats.spans import Spans
from workers.extraction.formats.xlsx import visible_sheets
from workers.extraction.formats.xlsx_cells import SheetCells, column_number
from workers.inference.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workers.extraction.sheets import TypedRow

_BINARY = ".bin"
_CHUNK_BYTES, _OVERLAP_BYTES = 1 << 20, 200
_MERGED = re.compile(rb"<(?:\w+:)?mergeCell\s[^>]*?ref=\"([A-Z]{1,3})(\d{1,7}):[A-Z]{1,3}(\d{1,7})\"")
_MERGED_MAX = 100_000


def sheets(file: Path) -> Iterator[tuple[str, Iterator[TypedRow]]]:
    """Yield the visible sheets, each with its rows; formulas are the values that were stored with them."""
    with OfficePackage.opened(file) as package:
        if package.main.endswith(_BINARY):
            raise FileError("file.unknown_format")
        workbook = package.xml(package.main)
        cells = SheetCells(package, workbook)
        for sheet in visible_sheets(package, workbook, lambda _: None):
            yield sheet.name, _rows(package, cells, sheet.part)


def _rows(package: OfficePackage, cells: SheetCells, part: str) -> Iterator[TypedRow]:
    merged = _merged(package, part)
    spans = Spans()
    for number, texts, values in cells.typed_rows(part):
        spans.fill(number, texts, values)
        for column in texts:
            if last := merged.get((number, column)):
                spans.begin(column, last, texts, values)
        yield number, texts, values


def _merged(package: OfficePackage, part: str) -> dict[tuple[int, int], int]:
    """Return the last row of each cell, by its row and column, that is merged with those below it."""
    found: dict[tuple[int, int], int] = {}
    with package.opened_part(part) as file:
        before = b""
        while (chunk := file.read(_CHUNK_BYTES)) and len(found) < _MERGED_MAX:
            for match in _MERGED.finditer(before + chunk):
                first, last = int(match[2]), int(match[3])
                if last > first:
                    found[first, column_number(match[1].decode())] = last
            before = chunk[-_OVERLAP_BYTES:]
    return found

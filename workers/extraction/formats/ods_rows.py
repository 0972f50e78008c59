"""The rows of an OpenDocument spreadsheet as a table, read in a stream, each with its number."""

from __future__ import annotations

import zipfile
from itertools import groupby
from typing import TYPE_CHECKING

from workers.extraction.formats.odf import refuse_encrypted
from workers.extraction.formats.odf_body import OdfParagraph
from workers.extraction.formats.odf_names import OFFICE, REPEATED_MAX, STYLE, TABLE, count_of
from workers.extraction.formats.spans import Spans
from workers.extraction.formats.xml_parts import streamed
from workers.inference.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lxml.etree import _Element

    from workers.extraction.sheets import TypedRow

_CONTENT = "content.xml"
_STYLE, _ROW, _CELL = f"{STYLE}style", f"{TABLE}table-row", f"{TABLE}table-cell"
_PROPERTIES = f"{STYLE}table-properties"
_TYPED = ("date-value", "boolean-value", "value")


def sheets(file: Path) -> Iterator[tuple[str, Iterator[TypedRow]]]:
    """Yield the visible sheets, each with its rows. Raises FileError `file.encrypted`, `file.damaged`."""
    with zipfile.ZipFile(file) as archive:
        refuse_encrypted(archive)
        if _CONTENT not in archive.namelist():
            raise FileError("file.damaged", reason=f"{_CONTENT} is missing")
        with archive.open(_CONTENT) as content:
            rows = _rows_with_sheets(streamed(content, _STYLE, _ROW))
            for (name, hidden), found in groupby(rows, key=lambda row: row[0]):
                if not hidden:
                    yield name, _rows(element for _, element in found)


def _rows_with_sheets(elements: Iterator[_Element]) -> Iterator[tuple[tuple[str, bool], _Element]]:
    """Yield each row with its sheet's name and whether that is hidden, as the styles before it said."""
    hidden: set[str] = set()
    for element in elements:
        if element.tag == _STYLE:
            properties = element.find(_PROPERTIES)
            if properties is not None and properties.get(f"{TABLE}display") == "false":
                hidden.add(element.get(f"{STYLE}name", ""))
        elif (table := _sheet(element)) is not None:
            yield (table.get(f"{TABLE}name", ""), table.get(f"{TABLE}style-name") in hidden), element


def _sheet(row: _Element) -> _Element | None:
    """Return the sheet of a row; None for one of a table within a drawing."""
    tables = list(row.iterancestors(f"{TABLE}table"))
    is_sheet = len(tables) == 1 and tables[0].getparent().tag == f"{OFFICE}spreadsheet"
    return tables[0] if is_sheet else None


def _rows(elements: Iterator[_Element]) -> Iterator[TypedRow]:
    """Read the rows. One that is repeated says the same each time, so it is taken once."""
    number, spans = 1, Spans()
    for element in elements:
        texts: dict[int, str] = {}
        values: dict[int, str] = {}
        spanned = list(_cells(element, number, texts, values))
        spans.fill(number, texts, values)
        for column, last in spanned:
            spans.begin(column, last, texts, values)
        yield number, texts, values
        number += count_of(element, f"{TABLE}number-rows-repeated")


def _cells(
    row: _Element, number: int, texts: dict[int, str], values: dict[int, str]
) -> Iterator[tuple[int, int]]:
    """Put a row's cells by their columns; yield (column, last row) of those that go on below."""
    column = 1
    for cell in row:
        repeated = count_of(cell, f"{TABLE}number-columns-repeated")
        if cell.tag == _CELL and (text := _text(cell)):
            columns = range(column, min(column + repeated, REPEATED_MAX + 1))
            texts |= dict.fromkeys(columns, text)
            value = next((value for name in _TYPED if (value := cell.get(f"{OFFICE}{name}"))), text)
            values |= dict.fromkeys(columns, value) if value != text else {}
            rows = count_of(cell, f"{TABLE}number-rows-spanned")
            yield from ((column, number + rows - 1),) if rows > 1 and columns else ()
        column += repeated


def _text(cell: _Element) -> str:
    """Return what a cell shows, else its value."""
    shown = OdfParagraph()
    shown.read(cell)
    names = ("string-value", "date-value", "time-value", "boolean-value", "value")
    return shown.text or next((text for name in names if (text := cell.get(f"{OFFICE}{name}", ""))), "")

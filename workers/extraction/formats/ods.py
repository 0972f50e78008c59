"""OpenDocument's ods: each sheet a heading, its rows with the names of their columns, cells as they are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers.extraction.draft import Draft
from workers.extraction.formats.odf import OdfPackage
from workers.extraction.formats.odf_body import OdfBody, OdfParagraph, rows_of
from workers.extraction.formats.odf_names import OFFICE, REPEATED_MAX, TABLE, TEXT, count_of
from workers.extraction.formats.odf_styles import OdfStyles
from workers.extraction.regions import SheetRegions

if TYPE_CHECKING:
    from pathlib import Path

    from lxml.etree import _Element

    from workers.extraction.output import Output
    from workers.extraction.types import Extracted

_HEADER = f"{TABLE}table-header-rows"
_CELL = f"{TABLE}table-cell"
_ALL_COLUMNS = range(1, REPEATED_MAX + 1)


def read(file: Path, out: Output) -> Extracted:
    """Return what the visible sheets hold. Raises FileError `file.damaged`, `file.encrypted`, `file.too_much`."""
    draft = Draft(out)
    with OdfPackage.opened(file) as package:
        styles = OdfStyles(package)
        for sheet in package.body("spreadsheet").iterfind(f"{TABLE}table"):
            name = sheet.get(f"{TABLE}name", "")
            if styles.is_hidden(sheet):
                draft.note(f"The hidden sheet “{name}” was left out.")
            else:
                draft.heading(name, 1)
                _read_sheet(sheet, OdfBody(package, styles, draft), draft)
        return draft.finished(package.said())


def _read_sheet(sheet: _Element, body: OdfBody, draft: Draft) -> None:
    """Read the rows. One that is repeated says the same each time, so it is taken once."""
    drawn: list[tuple[int, OdfParagraph]] = []

    def place_until(number: float) -> None:
        while drawn and drawn[0][0] < number:
            body.beside(drawn.pop(0)[1])

    rows, number, headers = list(rows_of(sheet)), 0, dict[int, range]()
    regions = SheetRegions(draft, place_until, headers)
    for row in rows:
        cells, hung = _row(row)
        number += 1 if cells else 2  # an empty one ends a region
        if cells and row.getparent().tag == _HEADER:
            headers[number] = _ALL_COLUMNS
        regions.add(number, cells)
        drawn += [(number, parts) for parts in hung]
    regions.end_sheet()
    place_until(float("inf"))
    shapes = sheet.find(f"{TABLE}shapes")
    body.read(() if shapes is None else shapes)


def _row(row: _Element) -> tuple[dict[int, str], list[OdfParagraph]]:
    cells: dict[int, str] = {}
    hung, column = [], 1
    for cell in row:
        repeated = count_of(cell, f"{TABLE}number-columns-repeated")
        parts = OdfParagraph()
        if cell.tag == _CELL:
            parts.read(cell)
            text = parts.text or _value(cell)
            if text:
                cells |= dict.fromkeys(range(column, min(column + repeated, REPEATED_MAX + 1)), text)
            hung += [parts] if parts.hung else []
        column += repeated
    return cells, hung


def _value(cell: _Element) -> str:
    """Return the value of a cell that does not say how it is shown."""
    if cell.find(f"{TEXT}p") is not None:
        return ""
    names = ("string-value", "date-value", "time-value", "boolean-value", "value")
    return next((text for name in names if (text := cell.get(f"{OFFICE}{name}", ""))), "")

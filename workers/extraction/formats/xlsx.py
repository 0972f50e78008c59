"""Excel's xlsx: each sheet a heading, its rows with the names of their columns, values as people see them, pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workers.extraction.draft import Draft
from workers.extraction.formats.drawingml import place_shape, shapes_in
from workers.extraction.formats.ooxml import OfficePackage, R
from workers.extraction.formats.xlsx_cells import S, SheetCells
from workers.extraction.formats.xlsx_names import header_rows
from workers.extraction.regions import SheetRegions
from workers.inference.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lxml.etree import _Element

    from workers.extraction.output import Output
    from workers.extraction.types import Extracted

_XDR = "{http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing}"
_BINARY = ".bin"


@dataclass(frozen=True)
class Worksheet:
    """A sheet by its name, and the part that it is in; its `index` in the workbook, from 0."""

    name: str
    part: str
    index: int


def read(file: Path, out: Output) -> Extracted:
    """Return what the visible sheets hold. Formulas are read as the values that were stored with them.

    Raises FileError `file.damaged`, `file.too_much`, `file.unknown_format` for a binary workbook (xlsb).
    """
    draft = Draft(out)
    with OfficePackage.opened(file) as package:
        if package.main.endswith(_BINARY):
            raise FileError("file.unknown_format")
        workbook = package.xml(package.main)
        cells = SheetCells(package, workbook)
        for sheet in visible_sheets(package, workbook, draft.note):
            _read_sheet(package, cells, sheet, header_rows(package, workbook, sheet.part, sheet.index), draft)
        if cells.without_value:
            draft.note(f"{cells.without_value} formulas have no stored value: the file was never calculated.")
        return draft.finished(package.said())


def visible_sheets(
    package: OfficePackage, workbook: _Element, note: Callable[[str], None]
) -> Iterator[Worksheet]:
    """Yield the sheets that people see, each once; `note` is told of the others."""
    for index, sheet in enumerate(workbook.iterfind(f"{S}sheets/{S}sheet")):
        name, part = sheet.get("name", ""), package.new_target(package.main, sheet.get(f"{R}id"))
        if sheet.get("state", "visible") != "visible":
            note(f"The hidden sheet “{name}” was left out.")
        elif part is not None:
            yield Worksheet(name, part, index)


def _read_sheet(
    package: OfficePackage, cells: SheetCells, sheet: Worksheet, headers: dict[int, range], draft: Draft
) -> None:
    draft.heading(sheet.name, 1)
    drawings = _drawings(package, sheet.part)

    def place_until(row: float) -> None:
        while drawings and drawings[0][0] < row:
            _, where, shape = drawings.pop(0)
            place_shape(package, draft, where, shape, _XDR)

    regions = SheetRegions(draft, place_until, headers)
    for number, row in cells.rows(sheet.part):
        regions.add(number, row)
    regions.end_sheet()
    place_until(float("inf"))


def _drawings(package: OfficePackage, part: str) -> list[tuple[int, str, _Element]]:
    """Return (row from 1, part, shape) of what is drawn on a sheet, by its rows."""
    found = []
    for where in package.all_related(part, "drawing"):
        for anchor in package.xml(where):
            row = anchor.findtext(f"{_XDR}from/{_XDR}row") or ""
            number = 1 + int(row) if row.isdecimal() and len(row) < 8 else 1
            found += [(number, where, shape) for shape in shapes_in(anchor, _XDR)]
    return sorted(found, key=lambda one: one[0])

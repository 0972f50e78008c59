"""Which cells of a sheet are the names of columns, as the workbook itself says: tables, filters, repeated rows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from workers.extraction.formats.xlsx_cells import S, column_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml.etree import _Element

    from workers.extraction.formats.ooxml import OfficePackage

_NAMES_WITH_HEADERS = ("_xlnm._FilterDatabase", "_xlnm.Print_Titles")
_AREA = re.compile(r"\$?([A-Z]{1,3})\$?(\d{1,7}):\$?([A-Z]{1,3})\$?\d{1,7}")
_ROW = re.compile(r"\$(\d{1,7}):\$(\d{1,7})")
_COLUMNS_MAX = 16_384


def header_rows(package: OfficePackage, workbook: _Element, part: str, index: int) -> dict[int, range]:
    """Return the columns, from 1, whose names stand in a row, by the row's number."""
    found = dict(_of_names(workbook, index))
    for table in package.all_related(part, "table"):
        root = package.xml(table)
        area = _AREA.fullmatch(root.get("ref", ""))
        if area and root.get("headerRowCount", "1") == "1":
            found[int(area[2])] = _columns(area)
    return found


def _of_names(workbook: _Element, index: int) -> Iterator[tuple[int, range]]:
    for name in workbook.iterfind(f"{S}definedNames/{S}definedName"):
        if name.get("name") not in _NAMES_WITH_HEADERS or name.get("localSheetId") != str(index):
            continue
        where = (name.text or "").rpartition("!")[2]
        if area := _AREA.fullmatch(where):
            yield int(area[2]), _columns(area)
        elif row := _ROW.fullmatch(where):
            yield int(row[2]), range(1, _COLUMNS_MAX + 1)


def _columns(area: re.Match[str]) -> range:
    return range(column_number(area[1]), column_number(area[3]) + 1)

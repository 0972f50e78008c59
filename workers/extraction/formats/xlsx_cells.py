"""The cells of an Excel workbook: strings that are kept once, formats, and rows read in a stream."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from workers.extraction.formats.number_formats import BUILT_IN, GENERAL, plain, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml.etree import _Element

    from workers.extraction.formats.ooxml import OfficePackage

S = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
COLUMN_MAX, ROW_MAX = 16_384, 1_048_576
_REFERENCE = re.compile(r"([A-Za-z]{1,3})(\d{1,7})")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_TRUE = {"1": "TRUE", "0": "FALSE"}


class SheetCells:
    """Reads the cells of a workbook's sheets as texts; counts the formulas that have no value in the file."""

    def __init__(self, package: OfficePackage, workbook: _Element) -> None:
        self._package = package
        self.without_value = 0
        properties = workbook.find(f"{S}workbookPr")
        self._from_1904 = properties is not None and properties.get("date1904") in ("1", "true")
        strings = package.related(package.main, "sharedStrings")
        self._strings = [] if strings is None else [_text(one) for one in package.streamed(strings, f"{S}si")]
        styles = package.related(package.main, "styles")
        self._formats = [] if styles is None else _formats(package.xml(styles))

    def rows(self, part: str) -> Iterator[tuple[int, dict[int, str]]]:
        """Yield (number, texts by column) of the rows that are in the file, both from 1.

        What a sheet claims of its size is not looked at, and a row or column beyond Excel's own limits is none.
        """
        for number, row in self._numbered(part):
            yield number, {column: text for column, cell in _placed(row) if (text := self._shown(cell))}

    def typed_rows(self, part: str) -> Iterator[tuple[int, dict[int, str], dict[int, str]]]:
        """Yield (number, texts by column, values by column) as `rows` does.

        A value is there where it says more than its text: `2026-03-01` for “1 March”, `0.5` for “50%”.
        """
        for number, row in self._numbered(part):
            texts: dict[int, str] = {}
            values: dict[int, str] = {}
            for column, cell in _placed(row):
                if text := self._shown(cell):
                    texts[column] = text
                    value = self._plain(cell)
                    values |= {column: value} if value not in (None, text) else {}
            yield number, texts, values

    def _numbered(self, part: str) -> Iterator[tuple[int, _Element]]:
        number = 0
        for row in self._package.streamed(part, f"{S}row"):
            given = row.get("r", "")
            number = int(given) if given.isdecimal() and len(given) < 8 else number + 1
            if 0 < number <= ROW_MAX:
                yield number, row

    def _plain(self, cell: _Element) -> str | None:
        """Return a number as JSON writes it, and a date as ISO 8601 does; None for other cells."""
        value = cell.findtext(f"{S}v")
        if cell.get("t", "n") != "n" or not value:
            return None
        try:
            return plain(float(value), self._code(cell.get("s", "0")), from_1904=self._from_1904)
        except (ValueError, ArithmeticError):
            return None

    def _shown(self, cell: _Element) -> str:
        kind = str(cell.get("t", "n"))
        if kind == "inlineStr":
            inline = cell.find(f"{S}is")
            return "" if inline is None else _text(inline)
        value: str = cell.findtext(f"{S}v") or ""
        if not value:
            self.without_value += cell.find(f"{S}f") is not None
            return ""
        if kind == "s":
            index = int(value) if value.strip().isdecimal() else len(self._strings)
            return self._strings[index] if index < len(self._strings) else ""
        if kind == "b":
            return _TRUE.get(value.strip(), value)
        return self._number(value, cell.get("s", "0")) if kind == "n" else _unescaped(value)

    def _number(self, value: str, style: str) -> str:
        try:
            return shown(float(value), self._code(style), from_1904=self._from_1904)
        except (ValueError, ArithmeticError):  # a text where a number should be, infinity
            return value

    def _code(self, style: str) -> str:
        """Return the format of a cell's style."""
        index = int(style) if style.isdecimal() else 0
        return self._formats[index] if index < len(self._formats) else GENERAL


def _placed(row: _Element) -> Iterator[tuple[int, _Element]]:
    """Yield (column from 1, cell) of a row."""
    column = 0
    for cell in row.iterfind(f"{S}c"):
        found = _REFERENCE.fullmatch(cell.get("r", ""))
        column = column_number(found[1]) if found else column + 1
        if column <= COLUMN_MAX:
            yield column, cell


def column_number(letters: str) -> int:
    """Return a column's number from 1: `A` is 1, `AA` is 27."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _formats(root: _Element) -> list[str]:
    """Return the code of each cell style."""
    own = {
        one.get("numFmtId", ""): one.get("formatCode", "") for one in root.iterfind(f"{S}numFmts/{S}numFmt")
    }
    codes = {**{str(number): code for number, code in BUILT_IN.items()}, **own}
    return [codes.get(one.get("numFmtId", ""), GENERAL) for one in root.iterfind(f"{S}cellXfs/{S}xf")]


def _text(element: _Element) -> str:
    """Return a string with formats inside, without its reading aids (`rPh`)."""
    parts = [
        element.findtext(f"{S}t") or "",
        *(run.findtext(f"{S}t") or "" for run in element.iterfind(f"{S}r")),
    ]
    return _unescaped("".join(parts))


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text

"""The rows of a workbook's sheets, written by the sandboxed process as lines of JSON and read back by who asked.

A line is `[number, texts, values]`: the row's number in its sheet, what its cells show from the first column on, and
by column from 0 the values of those whose text says less (`workers/formats/rows.py`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from workers.formats.lines import LINE_BYTES_MAX
from workers.formats.problems import problem
from workers.formats.rows import Row
from workers.inference.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from workers.extraction.output import Output

    TypedRow: TypeAlias = tuple[int, dict[int, str], dict[int, str]]
    """A row's number, its texts by column from 1, and its values where they say more."""

WORKBOOKS = {
    "xlsx": "workers.extraction.formats.xlsx_rows:sheets",
    "ods": "workers.extraction.formats.ods_rows:sheets",
}
SHEETS_MAX = 200
NAME_MAX = 100


@dataclass(frozen=True)
class Sheet:
    """A sheet by its name, and the file that its rows are in."""

    name: str
    file: str

    @classmethod
    def of(cls, values: Any) -> Sheet:
        """Return what the sandboxed process says of a sheet; raises ValueError, TypeError or KeyError for nonsense."""
        name, file = values["name"], values["file"]
        if not isinstance(name, str) or not isinstance(file, str):
            raise TypeError("a sheet's name is a text")
        return cls(name.replace("\0", "").encode(errors="replace").decode()[:NAME_MAX], file)


def written_sheets(kind: str | None, file: Path, out: Output) -> list[Sheet]:
    """Write the rows of each visible sheet of a workbook. Raises FileError `file.*`."""
    if kind == "encrypted":
        raise FileError("file.encrypted")
    if kind not in WORKBOOKS:
        raise FileError("file.unknown_format")
    module, _, name = WORKBOOKS[kind].partition(":")
    read = getattr(import_module(module), name)
    found = cast("Iterable[tuple[str, Iterable[TypedRow]]]", read(file))
    sheets: list[Sheet] = []
    for title, rows in found:
        if len(sheets) >= SHEETS_MAX:
            raise FileError("file.too_much/sheets", limit=SHEETS_MAX)
        sheets.append(Sheet(title[:NAME_MAX], out.put_all(map(_line, rows))))
    return sheets


def _line(row: TypedRow) -> bytes:
    number, texts, values = row
    width = max(texts, default=0)
    cells = [texts.get(column, "") for column in range(1, width + 1)]
    plain = {column - 1: value for column, value in values.items()}
    return json.dumps([number, cells, plain]).encode() + b"\n"


def sheet_rows(file: BinaryIO) -> Iterator[Row]:
    """Yield the rows that have anything in them. Raises FileError `file.crashed` for what no reader writes."""
    while raw := file.readline(LINE_BYTES_MAX + 1):
        if len(raw) > LINE_BYTES_MAX:
            limit = LINE_BYTES_MAX // 1024 // 1024
            yield Row("a row", problem=problem("import.line_too_long", limit=limit))
            _skip_line(file, raw)
        elif (row := _row(raw)) is not None:
            yield row


def _skip_line(file: BinaryIO, raw: bytes) -> None:
    while raw and not raw.endswith(b"\n"):
        raw = file.readline(LINE_BYTES_MAX)


def _row(raw: bytes) -> Row | None:
    """Return a row; None for one without anything. The process that wrote it may have been taken over."""
    try:
        number, cells, plain = json.loads(raw)
        texts = [str(cell).replace("\0", "") for cell in cells]
        values = {int(column): str(value) for column, value in plain.items()}
        where = f"row {int(number)}"
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise FileError("file.crashed/nonsense") from error
    return Row(where, texts, plain=values) if any(text.strip() for text in texts) else None

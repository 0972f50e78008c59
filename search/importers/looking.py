"""Looking at a file whose columns are to be chosen: the first rows of each table in it, as `looked.py` reads them."""

from __future__ import annotations

import io
import itertools
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

from retrieval_site.errors import AppError
from search.importers.files import DAMAGED_WHILE_READING, ZipFiles
from search.importers.guessing import header_of, names_known
from search.importers.looked import COLUMNS_MAX
from search.importers.nested import InnerZips, NestedFiles
from search.importers.table_files import (
    TABLE_SUFFIXES,
    WORKBOOK_SUFFIXES,
    Workbooks,
    first_sheet_rows,
    is_workbook,
)
from search.importers.table_heads import FIRST_BYTES, encoding_in
from workers.extraction.kinds import ARCHIVE, kind_of
from workers.formats.rows import DELIMITERS, Row, read_rows
from workers.formats.text import encoding_of
from workers.inference.errors import FileError
from workers.jobs.services import storable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from search.importers.files import Files

ROWS, CELL_CHARACTERS = 15, 400
TABLES_MAX = 20


@dataclass(frozen=True)
class HowWritten:
    """What is known of a text: its delimiter and its encoding; what is empty is found out."""

    delimiter: str = ""
    encoding: str = ""


def look_at(path: Path, name: str, written: HowWritten) -> list[dict[str, Any]]:
    """Return the tables of a file. Raises AppError `import.*` and FileError `file.*` where there are none."""
    with ExitStack() as stack:
        books = stack.enter_context(Workbooks())
        with path.open("rb") as file:
            kind = kind_of(file, name)
        if kind == ARCHIVE:
            archive = stack.enter_context(closing(ZipFiles(path)))
            found = list(itertools.islice(_in_zip(archive, books, InnerZips(stack), written), TABLES_MAX))
        else:
            found = list(_tables(name, "", lambda: path.open("rb"), books, written))[:TABLES_MAX]
    if not found:
        raise AppError("import.no_rows")
    return found


def _in_zip(
    archive: Files, books: Workbooks, zips: InnerZips, written: HowWritten
) -> Iterator[dict[str, Any]]:
    inner: dict[str, Files] = dict(zips.opened(archive))
    files = NestedFiles(archive, inner)
    for name in files.names():
        if name.lower().endswith((*TABLE_SUFFIXES, *WORKBOOK_SUFFIXES)):
            try:
                yield from _tables(name, name, partial(files.open, name), books, written)
            except (AppError, FileError, *DAMAGED_WHILE_READING):
                continue  # the import says what is wrong with it


def _tables(
    name: str, inner: str, open_file: Callable[[], BinaryIO], books: Workbooks, written: HowWritten
) -> Iterator[dict[str, Any]]:
    with open_file() as file:
        workbook = is_workbook(file, name)
        head = b"" if workbook else file.read(FIRST_BYTES)
    if not workbook:
        yield from _text_table(inner, head, written)
        return
    for sheet, path in books.sheets(name, open_file):
        if rows := first_sheet_rows(path, ROWS):
            yield _table(inner, rows, sheet=sheet.name)


def _text_table(name: str, head: bytes, written: HowWritten) -> Iterator[dict[str, Any]]:
    encoding = written.encoding or encoding_in(head)
    delimiter = written.delimiter or _delimiter(head, encoding)
    if rows := _rows(head, delimiter, encoding):
        needs_one = encoding_of(head)[0] == "utf-8" and _has_high_bytes(head)
        yield _table(name, rows, delimiter=delimiter, encoding=encoding if needs_one else "")


def _has_high_bytes(head: bytes) -> bool:
    """Tell a text whose first part is not UTF-8 for sure."""
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start < len(head) - 4
    return False


def _rows(head: bytes, delimiter: str, encoding: str) -> list[Row]:
    rows = read_rows(io.BytesIO(head), names_known, delimiter=delimiter, encoding=encoding)
    return list(itertools.islice(rows, ROWS))


def _delimiter(head: bytes, encoding: str) -> str:
    """Return the sign that parts the first rows best: into names that are known, else into as many cells each."""

    def parted(sign: str) -> tuple[int, int, int]:
        rows = [row.cells for row in _rows(head, sign, encoding) if not row.problem]
        counts = [len(cells) for cells in rows] or [0]
        known = max((names_known(cells) for cells in rows[:3] if len(cells) > 1), default=0)
        return known, int(min(counts) > 1), sum(counts)

    return max(DELIMITERS, key=parted)


def _table(
    name: str, rows: Sequence[Row], *, sheet: str = "", delimiter: str = "", encoding: str = ""
) -> dict[str, Any]:
    return {
        "name": storable(name),
        "sheet": storable(sheet),
        "delimiter": delimiter,
        "encoding": encoding,
        "columns": max(len(row.cells) for row in rows),
        "header": header_of(rows),
        "rows": [_shown(row) for row in rows],
    }


def _shown(row: Row) -> list[Any]:
    cells = [storable(cell[:CELL_CHARACTERS]) for cell in row.cells[:COLUMNS_MAX]]
    values = {
        str(at): storable(value[:CELL_CHARACTERS]) for at, value in row.plain.items() if at < COLUMNS_MAX
    }
    return [row.problem.reason if row.problem else row.where, cells, values]

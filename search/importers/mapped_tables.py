"""The tables of an import that a mapping is for, a row a document: alone, or in a zip or folder."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from retrieval_site.errors import AppError
from search.importers.files import DAMAGED_WHILE_READING
from search.importers.mapped import read_mapped
from search.importers.table_files import (
    TABLE_SUFFIXES,
    WORKBOOK_SUFFIXES,
    is_workbook,
    mapped_sheets,
    text_rows,
)
from search.importers.table_heads import mapping_of_text
from search.importers.types import Record, rejected
from workers.extraction.sheets import sheet_rows
from workers.inference.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from search.importers.files import Files
    from search.importers.mapping import KeptMappings, TableMapping
    from search.importers.table_files import Workbooks
    from search.importers.types import Item, Reading

TABLES_MAX = 5000
"""Of a zip or folder: each is looked into before the first is read."""


@dataclass(frozen=True)
class MappedTable:
    """A table and the mapping that it is read by."""

    name: str
    mapping: TableMapping
    workbook: bool


def mapped_table(
    name: str, open_file: Callable[[], BinaryIO], kept: KeptMappings, books: Workbooks, *, alone: bool
) -> MappedTable | None:
    """Return a file as a table with its mapping; None where there is none for it. Raises AppError, FileError."""
    with open_file() as file:
        seekable = file.seekable()
        workbook = is_workbook(file, name) if seekable else name.lower().endswith(WORKBOOK_SUFFIXES)
        mapping = None if workbook else mapping_of_text(file, kept, alone=alone)
    if workbook:
        mapping = books.mapping(name, open_file, kept)
        if mapping is None and kept.said is not None and alone:
            mapping = kept.said  # so that it is said what is missing
        if mapping is None:
            books.forget(name)
    return MappedTable(name, mapping, workbook) if mapping else None


def mapped_tables(
    files: Files, kept: KeptMappings, books: Workbooks, wanted: str | None
) -> list[MappedTable]:
    """Return the tables among files that a mapping is for; with `wanted`, that one alone.

    Raises AppError `import.too_many_tables`.
    """
    if not kept:
        return []
    endings = (*TABLE_SUFFIXES, *WORKBOOK_SUFFIXES)
    named = None if wanted is None else files.find(wanted)
    names = [named] if named else [name for name in files.names() if name.lower().endswith(endings)]
    if len(names) > TABLES_MAX:
        raise AppError("import.too_many_tables", count=len(names), limit=TABLES_MAX)
    found = []
    for name in names:
        try:
            table = mapped_table(name, partial(files.open, name), kept, books, alone=bool(named))
        except (AppError, FileError, *DAMAGED_WHILE_READING):
            continue  # read as what it is otherwise, which says what is wrong with it
        found += [table] if table else []
    return found


def read_mapped_table(
    table: MappedTable, open_file: Callable[[], BinaryIO], books: Workbooks, reading: Reading
) -> Iterator[Item]:
    """Yield one item per row. Raises AppError `import.mapping_columns`, and of a workbook FileError `file.*`."""
    if not table.workbook:
        with open_file() as file:
            try:
                yield from read_mapped(text_rows(file, table.mapping), table.mapping, reading)
            except DAMAGED_WHILE_READING as error:
                yield rejected("rest of the file", "import.zip_damaged/rest", reason=str(error))
        return
    sheets = books.sheets(table.name, open_file)
    wanted = mapped_sheets(sheets, table.mapping)
    if not wanted:
        raise AppError("import.mapping_columns/workbook", sheets=[sheet.name for sheet, _ in sheets[:20]])
    for sheet, path in wanted:
        with path.open("rb") as rows:
            items = read_mapped(sheet_rows(rows), table.mapping, reading, padded=True)
            yield from items if len(wanted) == 1 else _in_sheet(items, sheet.name)


def _in_sheet(items: Iterator[Item], name: str) -> Iterator[Item]:
    with closing(items):  # type: ignore[type-var]
        for item in items:
            yield replace(item, where=f"{name}, {item.where}")


def read_mapped_tables(
    files: Files, tables: list[MappedTable], books: Workbooks, reading: Reading
) -> Iterator[Item]:
    """Yield the rows of tables among files; pictures are looked for beside each table first."""
    for table in tables:
        folder = str(PurePosixPath(table.name).parent)
        for item in read_mapped_table(table, partial(files.open, table.name), books, reading):
            found = _with_pictures(item, files, "" if folder == "." else folder)
            named = len(tables) > 1
            yield replace(found, where=f"{PurePosixPath(table.name).name}, {item.where}") if named else found


def _with_pictures(item: Item, files: Files, folder: str) -> Item:
    if not folder or not isinstance(item, Record):
        return item
    refs = (replace(ref, name=files.find(ref.name, folder) or ref.name) for ref in item.pictures)
    return replace(item, pictures=tuple(refs))

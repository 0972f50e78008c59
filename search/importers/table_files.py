"""Tables by their files: texts in any encoding, and workbooks, whose sheets a sandboxed process writes out as rows."""

from __future__ import annotations

import itertools
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from search.importers.mapping import HEADER_MAX
from search.importers.table_heads import encoding_in, head_of, mapped_rows
from workers.extraction.extractor import Extractor
from workers.extraction.kinds import kind_of
from workers.extraction.sheets import WORKBOOKS, sheet_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

    from search.importers.mapping import KeptMappings, TableMapping
    from workers.extraction.sheets import Sheet
    from workers.formats.rows import Row

TABLE_SUFFIXES = (".csv", ".tsv", ".tab")
WORKBOOK_SUFFIXES = (".xlsx", ".xlsm", ".xltx", ".ods", ".ots")


def is_workbook(file: BinaryIO, name: str) -> bool:
    """Tell a workbook by its content; leaves the file at its start."""
    return kind_of(file, name) in WORKBOOKS


def text_rows(file: BinaryIO, mapping: TableMapping) -> Iterator[Row]:
    """Yield the rows of a text by what a mapping says of it."""
    return mapped_rows(file, mapping, encoding_in(head_of(file)))


@dataclass
class Workbooks:
    """Workbooks of an import, written out as rows into a folder that goes when the import ends."""

    _extractor: Extractor | None = None
    _folder: tempfile.TemporaryDirectory[str] | None = None
    _sheets: dict[str, list[tuple[Sheet, Path]]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_reader()
        if self._folder is not None:
            self._folder.cleanup()

    def _end_reader(self) -> None:
        if self._extractor is not None:
            self._extractor.close()
            self._extractor = None

    def sheets(self, name: str, open_file: Callable[[], BinaryIO]) -> list[tuple[Sheet, Path]]:
        """Return the sheets of a workbook, each with the file of its rows. Raises FileError `file.*`."""
        if name not in self._sheets:
            self._folder = self._folder or tempfile.TemporaryDirectory(prefix="sightline-sheets-")
            self._extractor = self._extractor or Extractor()
            target = Path(tempfile.mkdtemp(dir=self._folder.name))
            with open_file() as file:
                found = self._extractor.take_tables(file, name, target)
            self._sheets[name] = [(sheet, target / sheet.file) for sheet in found]
        return self._sheets[name]

    def forget(self, name: str) -> None:
        """Remove what was written of a workbook that is read otherwise."""
        for _, path in self._sheets.pop(name, []):
            path.unlink(missing_ok=True)

    def mapping(
        self, name: str, open_file: Callable[[], BinaryIO], kept: KeptMappings
    ) -> TableMapping | None:
        """Return the mapping that a sheet of the workbook has the columns for. Raises FileError `file.*`."""
        for _, path in self.sheets(name, open_file):
            first = first_sheet_rows(path)
            if kept.said is not None:
                if kept.said.is_covered_by(first):
                    return kept.said
            elif (found := kept.of(first)) is not None:
                known = {sheet.name for sheet, _ in self.sheets(name, open_file)}
                return found if known & {*found.sheets} else replace(found, sheets=())
        return None


def first_sheet_rows(path: Path, count: int = HEADER_MAX) -> list[Row]:
    """Return the first rows of a sheet that have anything in them."""
    with path.open("rb") as file:
        return list(itertools.islice(sheet_rows(file), count))


def mapped_sheets(sheets: Iterable[tuple[Sheet, Path]], mapping: TableMapping) -> list[tuple[Sheet, Path]]:
    """Return the sheets that a mapping is for: those that it names, else all that have its columns."""
    sheets = list(sheets)
    if mapping.sheets:
        return [one for one in sheets if one[0].name in mapping.sheets]
    if not mapping.header:
        return sheets[:1]
    return [one for one in sheets if mapping.is_covered_by(first_sheet_rows(one[1]))]

"""Tables in a watched folder: with a mapping that the collection keeps, each row is a document.

A changed row is known by its external id, or, without a column of these, is another document than it was: the former
one goes with the rows that are no longer in the table.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, BinaryIO

from retrieval_site.errors import AppError
from search.importers.files import FolderFiles
from search.importers.mapped_tables import mapped_table, read_mapped_table
from search.importers.storing import to_document
from search.importers.table_files import TABLE_SUFFIXES, WORKBOOK_SUFFIXES, Workbooks
from search.importers.table_heads import mapping_of_text
from search.importers.types import Reading, Record, Rejected
from search.services.documents import DocumentRecord
from search.services.field_rules import field_rules
from search.sources.files import breaks_rules, obeying
from search.sources.types import Made
from workers.formats.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from search.importers.mapping import KeptMappings
    from search.importers.types import Item
    from search.models import Collection

ROWS_MAX = 20_000
"""Of one table: all its documents are stored in one step."""
ROWS_TOLD_MAX = 5


@dataclass
class FolderTables:
    """The tables below `root` that one of the `kept` mappings is for."""

    root: Path
    kept: KeptMappings
    _files: FolderFiles | None = field(default=None)

    def is_one(self, key: str, opened: int) -> bool:
        """Tell a text that a mapping is for, by its first lines; of workbooks, only reading them tells."""
        if not self.kept or not key.lower().endswith(TABLE_SUFFIXES):
            return False
        with os.fdopen(os.dup(opened), "rb") as file:
            return mapping_of_text(file, self.kept) is not None

    def fingerprint(self, key: str) -> str:
        """Return what changes when a table is to be read by other mappings; empty for other files."""
        is_table = key.lower().endswith((*TABLE_SUFFIXES, *WORKBOOK_SUFFIXES))
        return self.kept.fingerprint if is_table else ""

    def made(self, key: str, data: IO[bytes], collection: Collection, *, store: bool) -> Made | None:
        """Return the documents of a table's rows; None for a file that is no table, or has no mapping.

        Raises AppError `source.too_many_rows`, `import.*`, and FileError `file.*` of a workbook.
        """
        if not self.fingerprint(key):
            return None
        with Workbooks() as books, tempfile.TemporaryDirectory(prefix="sightline-table-") as folder:
            path = Path(folder) / "table"
            with path.open("wb") as copy:
                shutil.copyfileobj(data, copy, 1 << 20)
            data.seek(0)

            def open_file() -> BinaryIO:
                return path.open("rb")

            table = mapped_table(PurePosixPath(key).name, open_file, self.kept, books, alone=True)
            if table is None:
                return None
            items = read_mapped_table(table, open_file, books, Reading())
            return self._documents(key, list(_bounded(items)), collection, store=store)

    def _documents(self, key: str, items: list[Item], collection: Collection, *, store: bool) -> Made:
        """Return the rows' documents, each external id once, and what is wrong with the others.

        While any row is wrong, no document goes: it may be the one of that row.
        """
        self._files = self._files or FolderFiles(self.root)
        pictures = _Pictures(self._files, str(PurePosixPath(key).parent))
        rules = field_rules(collection.pk)
        records: dict[str, DocumentRecord] = {}
        bad: list[Rejected] = []
        for item in items:
            found = to_document(item, pictures, collection, store=store) if isinstance(item, Record) else item
            if isinstance(found, DocumentRecord):
                found = obeying(rules, found, where=item.where)
            if isinstance(found, Rejected):
                bad.append(found)
            elif isinstance(found, DocumentRecord):
                records.setdefault(found.external_id, found)
        if not bad:
            return Made(tuple(records.values()))
        problem = Problem(bad[0].problems[0].error_id, _said(bad))
        if not records:
            raise AppError.quoting(problem.error_id, problem.reason)
        return Made(tuple(records.values()), problem, again=any(map(breaks_rules, bad)), keeps_others=True)


@dataclass(frozen=True)
class _Pictures:
    """The pictures that a table names: files of the watched folder, beside it first."""

    files: FolderFiles
    near: str

    def picture(self, name: str) -> bytes:
        """Return a picture's bytes; raises PictureError `import.image_missing`, `image.too_large`."""
        return self.files.picture(name, "" if self.near == "." else self.near)


def _bounded(items: Iterator[Item]) -> Iterator[Item]:
    for count, item in enumerate(items, start=1):
        if count > ROWS_MAX:
            raise AppError("source.too_many_rows", limit=ROWS_MAX)
        yield item


def _said(bad: list[Rejected]) -> str:
    """Return what is wrong with the first rows, by their numbers."""
    told = "; ".join(f"{one.where}: {one.problems[0].reason.rstrip('.')}" for one in bad[:ROWS_TOLD_MAX])
    return f"{told}." if len(bad) <= ROWS_TOLD_MAX else f"{told}; and {len(bad) - ROWS_TOLD_MAX:,} more rows."

"""Which file of a zip or folder lists its documents, wherever it lies; several that could are a question."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from retrieval_site.errors import AppError
from search.importers.detecting import detect, lists_documents
from search.importers.files import DAMAGED_WHILE_READING, damaged

if TYPE_CHECKING:
    from collections.abc import Iterable

    from search.importers.files import Files
    from search.importers.types import Format, ImportOptions

DATA_SUFFIXES = (".jsonl", ".ndjson", ".csv", ".tsv", ".json", ".txt", ".token")
DOCUMENTS = "documents"
"""A file of this name, such as `documents.csv`, is the one that is meant."""

LOOKED_INTO_MAX = 200
NAMED_MAX = 20
_COCO_PREFIX = "captions_"


@dataclass(frozen=True)
class Table:
    """A file that lists documents; `pictures` is the folder that its pictures lie in, where its name tells."""

    name: str
    format: Format
    pictures: str = ""


def choose_tables(files: Files, options: ImportOptions, *, among: bool = False) -> list[Table]:
    """Return the file that lists the documents, or COCO's captions of several splits; none if there are only pictures.

    `among` files that are documents themselves, only what surely lists documents is taken for a table.
    Raises AppError `import.table_unclear`, `import.table_missing`, `import.zip_damaged`.
    """
    data = [name for name in files.names() if name.lower().endswith(DATA_SUFFIXES)]
    if options.table is not None:
        return [_table(files, _named(files, options.table, data), options)]
    meant = [name for name in data if PurePosixPath(name).stem.lower() == DOCUMENTS]
    if len(meant) > 1:
        raise _unclear(meant)
    if meant or (len(data) == 1 and not among and not data[0].lower().endswith(".txt")):
        return [_table(files, (meant or data)[0], options)]
    return _chosen(files, data, options, among=among)


def _chosen(files: Files, data: list[str], options: ImportOptions, *, among: bool) -> list[Table]:
    """Choose by what is in the files; a text or JSON file that lists no documents is something else."""
    tables = [name for name in data if not among and not name.lower().endswith((".txt", ".json"))]
    looked_into = data if len(data) <= LOOKED_INTO_MAX else tables
    if len(looked_into) > LOOKED_INTO_MAX:
        raise _unclear(looked_into)
    found = [table for name in looked_into if (table := _looked_into(files, name, options))]
    if len(found) > 1 and not _is_coco(found):
        raise _unclear([table.name for table in found])
    if len(tables) > 1 and not found:
        raise _unclear(tables)
    return found or [_table(files, name, options) for name in tables]


def _named(files: Files, wanted: str, data: list[str]) -> str:
    found = files.find(wanted)
    if found is None:
        raise AppError("import.table_missing", table=wanted[:200], candidates=data[:NAMED_MAX])
    return found


def _table(files: Files, name: str, options: ImportOptions) -> Table:
    if options.format not in (None, "zip", "folder"):
        return Table(name, options.format, _pictures(name, options.format))
    try:
        with files.open(name) as file:
            found = detect(file)
    except DAMAGED_WHILE_READING as error:
        raise damaged(name) from error
    return Table(name, found, _pictures(name, found))


def _looked_into(files: Files, name: str, options: ImportOptions) -> Table | None:
    try:
        with files.open(name) as file:
            found = lists_documents(file)
    except (AppError, *DAMAGED_WHILE_READING):
        return None
    if found is None or options.format not in (None, "zip", "folder", found):
        return None
    return Table(name, found, _pictures(name, found))


def _pictures(name: str, found: Format) -> str:
    """Return `val2017` for COCO's `captions_val2017.json`."""
    stem = PurePosixPath(name).stem
    return stem.removeprefix(_COCO_PREFIX) if found == "coco" and stem.startswith(_COCO_PREFIX) else ""


def _is_coco(tables: Iterable[Table]) -> bool:
    return all(table.pictures for table in tables)


def _unclear(candidates: list[str]) -> AppError:
    return AppError("import.table_unclear", candidates=[name[:200] for name in candidates[:NAMED_MAX]])

"""One import file, opened: its format, its documents one by one, its pictures by name."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import ijson

from retrieval_site.errors import AppError
from search.importers.captions import JSON_ERRORS, not_json, read_captions, read_coco, read_karpathy
from search.importers.detecting import detect, main_file
from search.importers.fields import item_from
from search.importers.files import (
    DAMAGED_WHILE_READING,
    Files,
    FolderFiles,
    NoFiles,
    ZipFiles,
    damaged,
)
from search.importers.jsonl import read_jsonl
from search.importers.tables import read_csv
from search.importers.types import (
    FORMATS,
    Format,
    ImportOptions,
    Item,
    Per,
    PictureRef,
    Record,
    rejected,
)
from search.services.document_fields import DocumentFields
from workers.inference.bounded_json import BoundedReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_NO_PICTURE = (".txt", ".md", ".json", ".jsonl", ".csv", ".tsv", ".ndjson")


@dataclass(frozen=True)
class ImportSource:
    """What an import reads: call `items` as often as needed, each time from the start."""

    format: Format
    files: Files
    _restart: Callable[[], Iterator[Item]]

    def items(self) -> Iterator[Item]:
        """Yield every document or what is wrong with it; an external id that came before is refused."""
        return _once_each(self._restart())


@contextmanager
def open_import(path: Path, options: ImportOptions) -> Iterator[ImportSource]:
    """Open an import file, zip or folder. Raises AppError `import.*` for one that cannot be read at all."""
    with ExitStack() as stack:
        if path.is_dir():
            yield _from_files("folder", FolderFiles(path), options)
            return
        file: BinaryIO = stack.enter_context(path.open("rb"))
        found = _format(options) or detect(file)
        if found == "zip":
            archive = ZipFiles(path)
            stack.callback(archive.close)
            yield _from_files("zip", archive, options)
        elif found == "folder":
            raise AppError("import.not_a_folder", "The path is a file, not a folder.")
        else:
            yield ImportSource(
                found, NoFiles(), lambda: _read_file(path.open("rb"), found, options.per or "caption")
            )


def _format(options: ImportOptions) -> Format | None:
    if options.format is not None and options.format not in FORMATS:
        message = f"“{options.format}” is no import format. Known are {', '.join(FORMATS)}."
        raise AppError("import.unknown_format", message)
    return options.format


def _from_files(kind: Format, files: Files, options: ImportOptions) -> ImportSource:
    """Read the file in it that tells of documents, else make a document of every picture."""
    name = main_file(files.names())
    if name is None:
        return ImportSource(kind, files, lambda: _pictures_only(files))
    inner = _inner_format(files, name, options)
    return ImportSource(kind, files, lambda: _read_file(files.open(name), inner, options.per or "caption"))


def _inner_format(files: Files, name: str, options: ImportOptions) -> Format:
    if options.format not in (None, "zip", "folder"):
        return options.format
    try:
        with files.open(name) as file:
            return detect(file)
    except DAMAGED_WHILE_READING as error:
        raise damaged(name) from error


def _read_file(file: BinaryIO, found: Format, per: Per) -> Iterator[Item]:
    with file:
        try:
            yield from _read(file, found, per)
        except DAMAGED_WHILE_READING as error:
            reason = f"From here on the file in the zip is damaged: {error}."
            yield rejected("rest of the file", "import.zip_damaged", reason)


def _read(file: BinaryIO, found: Format, per: Per) -> Iterator[Item]:
    if found == "jsonl":
        return read_jsonl(file)
    if found == "csv":
        return read_csv(file)
    if found == "json":
        return _read_json(file)
    if found == "captions":
        return read_captions(file, per)
    return (read_coco if found == "coco" else read_karpathy)(file, per)


def _read_json(file: BinaryIO) -> Iterator[Item]:
    """One JSON list of documents."""
    entries = ijson.items(BoundedReader(file, item_level=1), "item", use_float=True)
    try:
        for number, values in enumerate(entries, start=1):
            where = f"entry {number}"
            if isinstance(values, dict):
                yield item_from(where, values)
            else:
                yield rejected(where, "import.line_not_json", "The entry is not an object.")
    except JSON_ERRORS as error:
        yield not_json(error)


def _pictures_only(files: Files) -> Iterator[Item]:
    for name in files.names():
        if not name.lower().endswith(_NO_PICTURE):
            yield Record(name, name, DocumentFields(), (PictureRef(name),))


def _once_each(items: Iterator[Item]) -> Iterator[Item]:
    """Refuse repeated external ids; those seen are kept on disk, so that memory stays constant."""
    with closing(sqlite3.connect("")) as seen:
        seen.execute("CREATE TABLE seen (id TEXT PRIMARY KEY, place TEXT) WITHOUT ROWID")
        for item in items:
            first = _first_place(seen, item) if isinstance(item, Record) else None
            if first is None:
                yield item
            else:
                reason = f"The external id came before, in {first}; each may come once."
                yield rejected(item.where, "import.duplicate_external_id", reason)


def _first_place(seen: sqlite3.Connection, record: Record) -> str | None:
    """Return where the record's external id came first, None when that is here."""
    identity = record.external_id.encode(errors="surrogatepass").hex()
    if seen.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", [identity, record.where]).rowcount:
        return None
    found: tuple[str] = seen.execute("SELECT place FROM seen WHERE id = ?", [identity]).fetchone()
    return found[0]

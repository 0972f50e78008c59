"""One import file, opened: its format, its documents one by one, its pictures by name."""

from __future__ import annotations

import itertools
import sqlite3
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from retrieval_site.errors import AppError
from search.importers.captions import read_captions, read_coco, read_karpathy
from search.importers.choosing import DATA_SUFFIXES, Table, choose_tables
from search.importers.detecting import detect, lists_documents
from search.importers.document_files import external_id_of
from search.importers.files import DAMAGED_WHILE_READING, FolderFiles, NoFiles, OneFile, ZipFiles
from search.importers.json_lists import read_json
from search.importers.jsonl import read_jsonl
from search.importers.leftovers import FilesUsed, columns_ignored, nothing_read
from search.importers.mapped_tables import (
    MappedTable,
    mapped_table,
    mapped_tables,
    read_mapped_table,
    read_mapped_tables,
)
from search.importers.mapping import NO_MAPPINGS
from search.importers.nested import INNER_DEPTH_MAX, InnerZips, NestedFiles, inside
from search.importers.pictures import is_picture
from search.importers.table_files import Workbooks
from search.importers.tables import read_csv
from search.importers.types import (
    FORMATS,
    DocumentFileItem,
    Format,
    ImportOptions,
    Item,
    PictureRef,
    Reading,
    Record,
    Rejected,
    rejected,
)
from search.services.document_fields import DocumentFields
from workers.extraction.kinds import ARCHIVE, DAMAGED, kind_by_name, kind_of
from workers.extraction.sheets import WORKBOOKS
from workers.inference.errors import PictureError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from search.importers.files import Files
    from search.importers.mapping import KeptMappings
    from search.importers.types import FileWarning, Per


NAME_SHOWN = 200
NO_DOCUMENT_BESIDE_A_TABLE = frozenset({None, "text", "markdown", "html"})
"""Beside a file that lists documents texts are notes on it, a README or a licence."""


@dataclass(frozen=True)
class ImportSource:
    """What an import reads: call `items` as often as needed, each time from the start."""

    format: Format
    files: Files
    _restart: Callable[[], Iterator[Item]]
    reading: Reading = field(default_factory=Reading)
    _near: str = ""
    _used: FilesUsed = field(default_factory=FilesUsed)

    def items(self) -> Iterator[Item]:
        """Yield every document or what is wrong with it; an external id that came before is refused."""
        for item in _once_each(self._restart()):
            if isinstance(item, Record):
                self._used.add(self.files.find(ref.name, self._near) for ref in item.pictures)
            elif isinstance(item, DocumentFileItem):
                self._used.add([item.name])
            yield item

    @property
    def tables(self) -> set[str]:
        """The files that list documents, of a zip or folder."""
        return self._used.tables

    @property
    def has_tables(self) -> bool:
        """Whether any file of a zip or folder lists documents."""
        return bool(self._used.tables)

    @property
    def near(self) -> str:
        """The folder in which pictures are looked for first."""
        return self._near

    def restart(self) -> Iterator[Item]:
        """Yield what `items` does, external ids that came before as well."""
        return self._restart()

    def open(self, name: str) -> BinaryIO:
        """Open a file that is a document itself; raises AppError `import.zip_damaged`."""
        return self.files.open(name)

    def picture(self, name: str) -> bytes:
        """Return a picture that a document names; raises PictureError `import.image_missing`, `image.too_large`."""
        return self.files.picture(name, self._near)

    def beside(self, path: str) -> bytes | None:
        """Return a picture by its exact path, None where there is none or it is too large."""
        try:
            return self.files.picture(path)
        except (AppError, PictureError):
            return None

    def warnings(self) -> list[FileWarning]:
        """Return what was left out, once all items were read."""
        return [*columns_ignored(self.reading), *self._used.warnings(self.files)]


@dataclass(frozen=True)
class _Opening:
    """How an import is opened: its options, the mappings of tables, and what is kept open until it ends."""

    options: ImportOptions
    kept: KeptMappings
    stack: ExitStack
    books: Workbooks
    zips: InnerZips


@contextmanager
def open_import(
    path: Path, options: ImportOptions, name: str = "", kept: KeptMappings = NO_MAPPINGS
) -> Iterator[ImportSource]:
    """Open an import file, which people call `name`, a zip or a folder; `kept`: the mappings of its tables.

    Raises AppError `import.*` for one that cannot be read at all.
    """
    with ExitStack() as stack:
        books = stack.enter_context(Workbooks())
        opening = _Opening(options, kept, stack, books, InnerZips(stack))
        yield _opened(path, name or path.name, opening)


def _opened(path: Path, name: str, opening: _Opening) -> ImportSource:
    wanted = _format(opening.options)
    if path.is_dir():
        return _from_files("folder", FolderFiles(path), opening)
    file: BinaryIO = opening.stack.enter_context(path.open("rb"))
    if (table := _alone(file, path, name, opening)) is not None:
        reading = Reading("caption", opening.options.extra_columns)
        restart = partial(read_mapped_table, table, lambda: path.open("rb"), opening.books, reading)
        return ImportSource("csv", NoFiles(), restart, reading)
    if wanted == "file" or (wanted is None and _is_document(file, name)):
        return _from_file(path, name)
    found = detect(file)
    if found == "zip" or wanted == "zip":
        archive = ZipFiles(path)
        opening.stack.callback(archive.close)
        return _from_files("zip", archive, opening)
    if wanted == "folder":
        raise AppError("import.not_a_folder")
    return _listing(path, Table(path.name, wanted or found), opening.options)


def _alone(file: BinaryIO, path: Path, name: str, opening: _Opening) -> MappedTable | None:
    """Return a file that came alone as a table, if it may be one and there is a mapping for it."""
    if not opening.kept or opening.options.format not in (None, "csv"):
        return None
    if kind_of(file, name) not in (None, "text", *WORKBOOKS):
        return None
    return mapped_table(name, lambda: path.open("rb"), opening.kept, opening.books, alone=True)


def _listing(path: Path, table: Table, options: ImportOptions) -> ImportSource:
    reading = Reading(options.per or "caption", options.extra_columns)
    restart = partial(_read_table, lambda: path.open("rb"), table, reading)
    return ImportSource(table.format, NoFiles(), restart, reading)


def _format(options: ImportOptions) -> Format | None:
    if options.format is not None and options.format not in FORMATS:
        raise AppError("import.unknown_format", format=options.format, known=list(FORMATS))
    return options.format


def _is_document(file: BinaryIO, name: str) -> bool:
    """Tell a file that is a document itself, or a picture, from one that lists documents."""
    kind = kind_of(file, name)
    if kind == "text":
        return lists_documents(file) is None
    if kind == DAMAGED:
        return kind_by_name(name) not in (None, ARCHIVE)
    return kind not in (None, ARCHIVE)


def _from_file(path: Path, name: str) -> ImportSource:
    item = DocumentFileItem(name[:NAME_SHOWN], external_id_of(name), name)
    used = FilesUsed("file")
    return ImportSource("file", OneFile(path, name), lambda: iter((item,)), _used=used)


def _from_files(kind: Format, files: Files, opening: _Opening, depth: int = 0) -> ImportSource:
    """Read the files in it that list documents, else make a document of every file and picture."""
    options = opening.options
    wanted = None if options.format == "file" else options.table
    mapped = [] if options.format == "file" else mapped_tables(files, opening.kept, opening.books, wanted)
    if mapped:
        return _from_mapped(kind, files, mapped, opening)
    documents = [name for name in files.names() if kind_by_name(name) not in NO_DOCUMENT_BESIDE_A_TABLE]
    tables = [] if options.format == "file" else choose_tables(files, options, among=bool(documents))
    if not tables:
        inner = _inner_sources(files, opening, depth)
        return _with_inner(kind, files, inner) if inner else _without_tables(kind, files)
    used = FilesUsed(kind, {table.name for table in tables})
    documents = [name for name in documents if name not in used.tables]
    reading = Reading(options.per or _per(files, tables), options.extra_columns)
    near = str(PurePosixPath(tables[0].name).parent)
    return ImportSource(
        kind,
        files,
        lambda: itertools.chain(_read_tables(files, tables, reading), map(_document_file, documents)),
        reading,
        "" if near == "." else near,
        used,
    )


def _from_mapped(kind: Format, files: Files, tables: list[MappedTable], opening: _Opening) -> ImportSource:
    """Read tables by their mappings; other files that are documents are documents, too."""
    used = FilesUsed(kind, {table.name for table in tables})
    reading = Reading("caption", opening.options.extra_columns)
    others = [name for name in files.names() if kind_by_name(name) not in NO_DOCUMENT_BESIDE_A_TABLE]
    documents = [name for name in others if name not in used.tables]
    return ImportSource(
        kind,
        files,
        lambda: itertools.chain(
            read_mapped_tables(files, tables, opening.books, reading), map(_document_file, documents)
        ),
        reading,
        _used=used,
    )


def _without_tables(kind: Format, files: Files) -> ImportSource:
    return ImportSource(kind, files, lambda: _each_file(files, files.names()), _used=FilesUsed(kind))


def _inner_sources(files: Files, opening: _Opening, depth: int) -> dict[str, ImportSource]:
    """Return the zips inside that hold a table of documents, by their names."""
    if opening.options.format == "file" or depth >= INNER_DEPTH_MAX:
        return {}
    found = {}
    for name, archive in opening.zips.opened(files):
        try:
            source = _from_files("zip", archive, opening, depth + 1)
        except (AppError, *DAMAGED_WHILE_READING):
            continue  # read as a document's file, which says what is wrong with it
        if source.has_tables:
            found[name] = source
    return found


def _with_inner(kind: Format, files: Files, inner: dict[str, ImportSource]) -> ImportSource:
    """Read zips that hold tables as what they are, and all files beside them as documents."""
    nested = NestedFiles(files, {name: source.files for name, source in inner.items()})
    beside = [name for name in files.names() if name not in inner]
    used = FilesUsed(kind)
    reading = Reading()
    for name, source in inner.items():
        used.tables.update(f"{name}/{table}" for table in source.tables)

    def items() -> Iterator[Item]:
        if beside:
            yield from _each_file(files, beside, may_be_none=True)
        for name, source in inner.items():
            yield from (inside(item, name, source.files, source.near) for item in source.restart())
            reading.take_over(source.reading)

    return ImportSource(kind, nested, items, reading, _used=used)


def _document_file(name: str) -> DocumentFileItem:
    return DocumentFileItem(name[:NAME_SHOWN], external_id_of(name), name)


def _per(files: Files, tables: list[Table]) -> Per:
    """A document for each picture keeps both, captions and pictures, where the pictures came along."""
    names = {table.name for table in tables}
    return (
        "picture"
        if any(is_picture(files, name) for name in files.names() if name not in names)
        else "caption"
    )


def _read_tables(files: Files, tables: list[Table], reading: Reading) -> Iterator[Item]:
    for table in tables:
        items = _read_table(partial(files.open, table.name), table, reading)
        yield from items if len(tables) == 1 else (_named(item, table.name) for item in items)


def _named(item: Item, name: str) -> Item:
    """Say which of several files an item stands in."""
    return replace(item, where=f"{PurePosixPath(name).name}, {item.where}")


def _read_table(open_file: Callable[[], BinaryIO], table: Table, reading: Reading) -> Iterator[Item]:
    with open_file() as file:
        try:
            yield from _read(file, table, reading)
        except DAMAGED_WHILE_READING as error:
            yield rejected("rest of the file", "import.zip_damaged/rest", reason=str(error))


def _read(file: BinaryIO, table: Table, reading: Reading) -> Iterator[Item]:
    if table.format == "jsonl":
        return read_jsonl(file, reading)
    if table.format == "csv":
        return read_csv(file, reading)
    if table.format == "json":
        return read_json(file, reading)
    if table.format == "captions":
        return read_captions(file, reading.per)
    if table.format == "coco":
        return read_coco(file, reading.per, table.pictures)
    return read_karpathy(file, reading.per)


def _each_file(files: Files, names: Iterable[str], *, may_be_none: bool = False) -> Iterator[Item]:
    """Yield a document for each file that is one, and for each picture. Raises AppError `import.empty` without any."""
    found = may_be_none
    for name in names:
        if kind_by_name(name):
            found = True
            yield _document_file(name)
        elif not name.lower().endswith(DATA_SUFFIXES) and is_picture(files, name):
            found = True
            yield Record(name, external_id_of(name), DocumentFields(), (PictureRef(name),), alone=True)
    if not found:
        raise nothing_read(files)


def _once_each(items: Iterator[Item]) -> Iterator[Item]:
    """Refuse repeated external ids; those seen are kept on disk, so that memory stays constant."""
    with closing(sqlite3.connect("")) as seen:
        seen.execute("CREATE TABLE seen (id TEXT PRIMARY KEY, place TEXT) WITHOUT ROWID")
        for item in items:
            first = None if isinstance(item, Rejected) else _first_place(seen, item)
            if first is None:
                yield item
            else:
                yield rejected(item.where, "import.duplicate_external_id", first=first)


def _first_place(seen: sqlite3.Connection, record: Record | DocumentFileItem) -> str | None:
    """Return where the record's external id came first, None when that is here."""
    identity = record.external_id.encode(errors="surrogatepass").hex()
    if seen.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", [identity, record.where]).rowcount:
        return None
    found: tuple[str] = seen.execute("SELECT place FROM seen WHERE id = ?", [identity]).fetchone()
    return found[0]

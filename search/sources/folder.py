"""A watched folder: every picture and document file below it is a document. No link is followed, wherever it leads.

A table is one where its collection keeps a mapping of its columns: then each of its rows is a document.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from retrieval_site.errors import AppError
from search.importers.document_files import external_id_of
from search.importers.pictures import PICTURE_SUFFIXES
from search.importers.types import DocumentFileItem
from search.models.source import KEY_BYTES_MAX
from search.sources.files import FileDocuments
from search.sources.options import fingerprint
from search.sources.types import (
    EntryBatch,
    EntryContent,
    Made,
    SourceEntry,
    SourceListing,
    StillWrittenError,
)
from workers.extraction.kinds import kind_by_name
from workers.formats.problems import problem
from workers.formats.zip_names import is_junk
from workers.inference.sniff import HEADER_BYTES, sniff_format

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from search.models import Collection
    from search.sources.folder_tables import FolderTables
    from search.sources.options import FolderOptions

BATCH_FILES = 32
DEPTH_MAX = 64
FILE_BYTES_MAX = 1 << 30
_CHUNK_BYTES = 1 << 20
EXAMPLES_MAX = 10
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


@contextmanager
def _below(root: Path, parts: tuple[str, ...], flags: int) -> Iterator[int]:
    """Open what lies below the folder, step by step, so that no part of the way is a link; raises OSError."""
    here = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for at, part in enumerate(parts, start=1):
            deeper = os.open(part, flags if at == len(parts) else _FOLDER, dir_fd=here)
            os.close(here)
            here = deeper
        yield here
    finally:
        os.close(here)


@dataclass
class FolderReader:
    """See `types.SourceReader`. The order is that of the names, folder by folder; a position is a file's path."""

    root: Path
    options: FolderOptions
    tables: FolderTables
    listing: SourceListing = field(default_factory=lambda: SourceListing(complete=True))
    _documents: FileDocuments = field(init=False)

    def __post_init__(self) -> None:
        """Have files read as the options say."""
        self._documents = FileDocuments(self.options)

    def batches(self, after: str) -> Iterator[EntryBatch]:
        """Yield the files behind the one called `after`."""
        if not self.root.is_dir():
            raise AppError("source.folder_missing")
        entries: list[SourceEntry] = []
        for entry in self._walk((), tuple(after.split("/")) if after else ()):
            entries.append(entry)
            if len(entries) >= BATCH_FILES:
                yield EntryBatch(entries, entry.key)
                entries = []
        if entries:
            yield EntryBatch(entries, entries[-1].key)

    def _walk(self, folder: tuple[str, ...], after: tuple[str, ...]) -> Iterator[SourceEntry]:
        try:
            names = self._names(folder)
        except OSError as error:
            self._cannot_list(folder, error)
            return
        for name, is_folder in names:
            parts = (*folder, name)
            if is_folder and parts >= after[: len(parts)]:
                yield from self._walk(parts, after)
            elif not is_folder and parts > after and (entry := self._entry(parts)):
                yield entry

    def _names(self, folder: tuple[str, ...]) -> list[tuple[str, bool]]:
        """Return the names in a folder, sorted, each with whether it is a folder; raises OSError."""
        if len(folder) > DEPTH_MAX:
            raise OSError("folders nested too deeply")
        with _below(self.root, folder, _FOLDER) as opened, os.scandir(opened) as found:
            return sorted(
                (each.name, each.is_dir(follow_symlinks=False))
                for each in found
                if not is_junk(each.name)
                and (each.is_dir(follow_symlinks=False) or each.is_file(follow_symlinks=False))
            )

    def _cannot_list(self, folder: tuple[str, ...], error: OSError) -> None:
        """What lies below is not known to be gone."""
        if not folder:
            raise AppError("source.folder_missing") from error
        self.listing.complete = False
        name = _storable("/".join(folder))
        self.listing.notes["source.folder_unreadable"] = (
            f"“{name[:200]}” cannot be read ({error.strerror or error}). Nothing is removed in this round."
        )

    def _entry(self, parts: tuple[str, ...]) -> SourceEntry | None:
        key = "/".join(parts)
        if _storable(key) != key:
            return SourceEntry(_storable(key)[:300], problem=problem("document.not_text"))
        if len(key.encode()) > KEY_BYTES_MAX:
            return SourceEntry(key[:300], problem=problem("source.key_too_long", limit=KEY_BYTES_MAX))
        return self.one(key)

    def one(self, key: str) -> SourceEntry | None:
        """Return one file; None where there is none, or one that no document is made of."""
        try:
            with _below(self.root, tuple(key.split("/")), _FILE) as opened:
                found = os.fstat(opened)
                if not stat.S_ISREG(found.st_mode):
                    return None
                if not self.tables.is_one(key, opened) and not _is_document(key, opened):
                    self._ignore(key)
                    return None
        except FileNotFoundError:
            return None
        except OSError as error:
            reason = error.strerror or str(error)
            return SourceEntry(key, problem=problem("source.file_unreadable", reason=reason))
        age = time.time() - found.st_mtime
        return SourceEntry(key, self._stamp(key, found), waits=0 <= age < self.options.settle_seconds)

    def _stamp(self, key: str, found: os.stat_result) -> str:
        return f"{self._fingerprint(key)}:{found.st_mtime_ns}:{found.st_size}"

    def _fingerprint(self, key: str) -> str:
        """Return what changes when the file is to be read otherwise."""
        return f"{fingerprint(self.options)}{self.tables.fingerprint(key)}"

    def _ignore(self, key: str) -> None:
        self.listing.ignored += 1
        if len(self.listing.ignored_examples) < EXAMPLES_MAX:
            self.listing.ignored_examples.append(key)

    def content(self, entry: SourceEntry) -> EntryContent:
        """Copy a file while its digest is taken, so that what is read is what was counted.

        Raises AppError `source.file_unreadable`, `source.file_too_large`.
        """
        copy = tempfile.TemporaryFile(prefix="sightline-source-")  # noqa: SIM115  closed with the content
        try:
            with _below(self.root, tuple(entry.key.split("/")), _FILE) as opened:
                digest = _copied(opened, copy, self._fingerprint(entry.key))
                if entry.stamp != self._stamp(entry.key, os.fstat(opened)):
                    raise StillWrittenError
        except OSError as error:
            copy.close()
            raise AppError("source.file_unreadable", reason=error.strerror or str(error)) from error
        except BaseException:
            copy.close()
            raise
        return EntryContent(digest, copy)

    def made(self, entry: SourceEntry, content: EntryContent, collection: Collection, *, store: bool) -> Made:
        """Return the documents of a file, as the import of a folder makes them."""
        if (rows := self.tables.made(entry.key, content.data, collection, store=store)) is not None:
            return rows
        item = DocumentFileItem(entry.key, external_id_of(entry.key), entry.key)
        return self._documents.made(item, content.data, collection, store=store)

    def close(self) -> None:
        """End the process that reads document files."""
        self._documents.close()

    def is_gone(self, key: str) -> bool:
        """Return whether there is no file of this name; raises AppError `source.folder_missing`."""
        if not self.root.is_dir():
            raise AppError("source.folder_missing")
        try:
            with _below(self.root, tuple(key.split("/")), _FILE) as opened:
                return not stat.S_ISREG(os.fstat(opened).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:  # a link now is no file; what merely cannot be read is there
            return os.path.islink(self.root / key)  # noqa: PTH114  Path's raises where the folder cannot be read


def _is_document(key: str, opened: int) -> bool:
    if key.lower().endswith(PICTURE_SUFFIXES) or kind_by_name(key):
        return True
    return sniff_format(os.pread(opened, HEADER_BYTES, 0)) is not None


def _copied(opened: int, copy: IO[bytes], read_so: str) -> str:
    """Copy a file to the beginning of another; return the digest of its bytes and of how it is read."""
    digest = hashlib.sha256(read_so.encode())
    while chunk := os.read(opened, _CHUNK_BYTES):
        digest.update(chunk)
        copy.write(chunk)
        if copy.tell() > FILE_BYTES_MAX:
            raise AppError("source.file_too_large", limit_mib=FILE_BYTES_MAX >> 20)
    copy.seek(0)
    return digest.hexdigest()


def _storable(name: str) -> str:
    """Return a file's name as a database keeps it: systems allow bytes that are no text."""
    return name.encode(errors="surrogateescape").decode(errors="replace")

"""A watched folder: every picture below it is a document. No link is followed, wherever it leads."""

from __future__ import annotations

import os
import stat
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.conf import settings

from retrieval_site.errors import AppError
from search.importers.names import is_junk
from search.importers.pictures import PICTURE_SUFFIXES
from search.importers.storing import to_document
from search.importers.types import PictureRef, Record, Rejected
from search.models.source import KEY_BYTES_MAX
from search.services.document_fields import DocumentFields
from search.sources.options import fingerprint
from search.sources.types import (
    Batch,
    Content,
    Entry,
    Listing,
    Made,
    StillWrittenError,
    content_digest,
    external_id,
)
from workers.formats.problems import problem
from workers.inference.errors import PictureError
from workers.inference.sniff import HEADER_BYTES, sniff_format

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from search.models import Collection
    from search.sources.options import FolderOptions

BATCH_FILES = 32
DEPTH_MAX = 64
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
class _Picture:
    """The one picture of a record."""

    data: bytes

    def picture(self, name: str) -> bytes:
        """Return it, whatever it is called."""
        return self.data


@dataclass
class FolderReader:
    """See `types.Reader`. The order is that of the names, folder by folder; a position is the last file's path."""

    root: Path
    options: FolderOptions
    listing: Listing = field(default_factory=lambda: Listing(complete=True))

    def batches(self, after: str) -> Iterator[Batch]:
        """Yield the files behind the one called `after`."""
        if not self.root.is_dir():
            raise AppError("source.folder_missing")
        entries: list[Entry] = []
        for entry in self._walk((), tuple(after.split("/")) if after else ()):
            entries.append(entry)
            if len(entries) >= BATCH_FILES:
                yield Batch(entries, entry.key)
                entries = []
        if entries:
            yield Batch(entries, entries[-1].key)

    def _walk(self, folder: tuple[str, ...], after: tuple[str, ...]) -> Iterator[Entry]:
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

    def _entry(self, parts: tuple[str, ...]) -> Entry | None:
        key = "/".join(parts)
        if _storable(key) != key:
            return Entry(_storable(key)[:300], problem=problem("document.not_text"))
        if len(key.encode()) > KEY_BYTES_MAX:
            return Entry(key[:300], problem=problem("source.key_too_long", limit=KEY_BYTES_MAX))
        return self.one(key)

    def one(self, key: str) -> Entry | None:
        """Return one file; None where there is none, or one that no document is made of."""
        try:
            with _below(self.root, tuple(key.split("/")), _FILE) as opened:
                found = os.fstat(opened)
                if not stat.S_ISREG(found.st_mode):
                    return None
                if not _is_picture(key, opened):
                    self._ignore(key)
                    return None
        except FileNotFoundError:
            return None
        except OSError as error:
            reason = error.strerror or str(error)
            return Entry(key, problem=problem("source.file_unreadable", reason=reason))
        age = time.time() - found.st_mtime
        return Entry(key, _stamp(self.options, found), waits=0 <= age < self.options.settle_seconds)

    def _ignore(self, key: str) -> None:
        self.listing.ignored += 1
        if len(self.listing.ignored_examples) < EXAMPLES_MAX:
            self.listing.ignored_examples.append(key)

    def content(self, entry: Entry) -> Content:
        """Read a file whole; raises PictureError `image.too_large`, AppError `source.file_unreadable`."""
        limit = settings.CONFIG.picture_max_bytes
        try:
            with _below(self.root, tuple(entry.key.split("/")), _FILE) as opened:
                data = _read(opened, limit)
                if entry.stamp != _stamp(self.options, os.fstat(opened)):
                    raise StillWrittenError
        except OSError as error:
            raise AppError("source.file_unreadable", reason=error.strerror or str(error)) from error
        return Content(content_digest(self.options, data), data)

    def made(self, entry: Entry, content: Content, collection: Collection, *, store: bool) -> Made:
        """Return the document of a picture, as the import of a folder makes it."""
        record = Record(entry.key, external_id(entry.key), DocumentFields(), (PictureRef(entry.key),))
        found = to_document(record, _Picture(content.data), collection, store=store)
        if isinstance(found, Rejected):
            raise AppError.quoting(found.problems[0].error_id, found.problems[0].reason)
        return Made((found,))

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


def _is_picture(key: str, opened: int) -> bool:
    if key.lower().endswith(PICTURE_SUFFIXES):
        return True
    return sniff_format(os.pread(opened, HEADER_BYTES, 0)) is not None


def _read(opened: int, limit: int) -> bytes:
    with os.fdopen(os.dup(opened), "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise PictureError("image.too_large", limit_bytes=limit)
    return data


def _stamp(options: FolderOptions, found: os.stat_result) -> str:
    return f"{fingerprint(options)}:{found.st_mtime_ns}:{found.st_size}"


def _storable(name: str) -> str:
    """Return a file's name as a database keeps it: systems allow bytes that are no text."""
    return name.encode(errors="surrogateescape").decode(errors="replace")

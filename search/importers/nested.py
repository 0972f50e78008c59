"""Zips inside a zip or folder that hold a table of documents: their files are files of the import."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from retrieval_site.errors import AppError
from search.importers.document_files import external_id_of
from search.importers.files import DAMAGED_WHILE_READING, ZipFiles
from search.importers.types import DocumentFileItem, Record
from workers.extraction.kinds import ARCHIVE, kind_by_name, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import ExitStack

    from search.importers.files import Files
    from search.importers.types import Item

INNER_DEPTH_MAX = 5
ZIPS_MAX = 200
BYTES_MAX = 8 << 30
"""Of all zips inside the import's file, as they are unpacked from it."""


@dataclass
class InnerZips:
    """Opens zips that are inside: each is copied to a file of its own, which goes with the import."""

    stack: ExitStack
    _bytes: int = 0
    _count: int = 0
    _folder: Path | None = field(default=None)

    def opened(self, files: Files) -> Iterator[tuple[str, ZipFiles]]:
        """Yield the zips among files, opened; one that cannot be is passed over, and read as a document's file."""
        for name in list(files.names()):
            if kind_by_name(name) == ARCHIVE and self._count < ZIPS_MAX:
                try:
                    yield name, self._open(files, name)
                except (AppError, OSError, *DAMAGED_WHILE_READING):
                    continue

    def _open(self, files: Files, name: str) -> ZipFiles:
        if self._folder is None:
            self._folder = Path(
                self.stack.enter_context(tempfile.TemporaryDirectory(prefix="sightline-zips-"))
            )
        self._count += 1
        path = self._folder / str(self._count)
        with files.open(name) as source, path.open("wb") as target:
            while chunk := source.read(1 << 20):
                self._bytes += len(chunk)
                if self._bytes > BYTES_MAX:
                    raise OSError("there is too much in zips inside")
                target.write(chunk)
        with path.open("rb") as copy:
            if kind_of(copy, name) != ARCHIVE:
                raise AppError("import.not_a_zip")
        archive = ZipFiles(path)
        self.stack.callback(archive.close)
        return archive


class NestedFiles:
    """The files of a zip or folder together with those of zips in it, which lie below the zip's own name."""

    def __init__(self, outer: Files, inner: dict[str, Files]) -> None:
        self._outer, self._inner = outer, inner

    def names(self) -> Iterator[str]:
        """Yield the names; of an opened zip, those in it."""
        for name in self._outer.names():
            if name in self._inner:
                yield from (f"{name}/{one}" for one in self._inner[name].names())
            else:
                yield name

    def _place(self, name: str) -> tuple[Files, str, str]:
        """Return whose file it is, its name there, and what is before that."""
        for prefix, files in self._inner.items():
            if name.startswith(f"{prefix}/"):
                return files, name[len(prefix) + 1 :], f"{prefix}/"
        return self._outer, name, ""

    def open(self, name: str) -> BinaryIO:
        """Open one of `names`."""
        files, inner, _ = self._place(name)
        return files.open(inner)

    def find(self, name: str, near: str = "") -> str | None:
        """Return which of `names` is meant."""
        files, inner, before = self._place(name)
        found = files.find(inner, "" if before else near)
        return None if found is None else f"{before}{found}"

    def picture(self, name: str, near: str = "") -> bytes:
        """Return a picture's bytes."""
        files, inner, before = self._place(name)
        return files.picture(inner, "" if before else near)

    def guessed_names(self) -> list[str]:
        """Return the names of which nothing says how they are encoded."""
        return self._outer.guessed_names()


def inside(item: Item, prefix: str, files: Files, near: str) -> Item:
    """Return an item of a zip that is called `prefix` among the files around it."""
    where = f"{PurePosixPath(prefix).name}, {item.where}"
    if isinstance(item, DocumentFileItem):
        name = f"{prefix}/{item.name}"
        return DocumentFileItem(where, external_id_of(name), name)
    if isinstance(item, Record):
        found = ((ref, files.find(ref.name, near)) for ref in item.pictures)
        refs = tuple(replace(ref, name=f"{prefix}/{name}") if name else ref for ref, name in found)
        return replace(item, where=where, pictures=refs)
    return replace(item, where=where)

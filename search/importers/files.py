"""The files that an import brings: a zip or a folder, looked into and never unpacked. All names in them are hostile."""

from __future__ import annotations

import zipfile
import zlib
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from django.conf import settings

from retrieval_site.errors import AppError
from search.importers.names import NameIndex, RawIndex, is_unsafe
from workers.formats.zip_names import is_guessed, is_junk, is_junk_member, member_name
from workers.formats.zips import DAMAGED, packing_fault
from workers.inference.errors import PictureError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES_MAX = 1_000_000
RATIO_MAX = 200
DAMAGED_WHILE_READING = (zipfile.BadZipFile, zlib.error, EOFError)


class Files(Protocol):
    """Files by name."""

    def names(self) -> Iterator[str]:
        """Yield the names, `/` between folders, in a fixed order."""
        ...

    def open(self, name: str) -> BinaryIO:
        """Open one of `names`."""
        ...

    def find(self, name: str, near: str = "") -> str | None:
        """Return which of `names` a table means by a name; None where there is none, or several."""
        ...

    def picture(self, name: str, near: str = "") -> bytes:
        """Return a picture's bytes; raises PictureError `import.image_missing`, `image.too_large`."""
        ...

    def guessed_names(self) -> list[str]:
        """Return those of `names` whose characters had to be guessed."""
        ...


class NoFiles:
    """A file that came alone: it can name pictures, but there are none."""

    def names(self) -> Iterator[str]:
        """Yield nothing."""
        return iter(())

    def open(self, name: str) -> BinaryIO:
        """Raise KeyError."""
        raise KeyError(name)

    def find(self, name: str, near: str = "") -> str | None:
        """Return None."""
        return None

    def picture(self, name: str, near: str = "") -> bytes:
        """Raise PictureError `import.image_missing`."""
        raise missing(name)

    def guessed_names(self) -> list[str]:
        """Return none."""
        return []


class OneFile(NoFiles):
    """A file that came alone and is a document itself."""

    def __init__(self, path: Path, name: str) -> None:
        self._path, self._name = path, name

    def names(self) -> Iterator[str]:
        """Yield its name."""
        yield self._name

    def open(self, name: str) -> BinaryIO:
        """Open it."""
        return self._path.open("rb")


class FolderFiles:
    """The files of a folder on this machine; links out of it are not followed."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def names(self) -> Iterator[str]:
        """Yield the files below the folder."""
        return (name for name in self._walk(self._root) if not is_junk(name))

    def _walk(self, folder: Path) -> Iterator[str]:
        for path in sorted(folder.iterdir()):
            if path.is_symlink():
                continue
            if path.is_dir():
                yield from self._walk(path)
            elif path.is_file():
                yield path.relative_to(self._root).as_posix()

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading."""
        return (self._root / name).open("rb")

    @cached_property
    def _index(self) -> NameIndex:
        return NameIndex(self.names())

    def find(self, name: str, near: str = "") -> str | None:
        """Return the file that is meant, written exactly so or only alike."""
        for folder in dict.fromkeys((near, "")):
            exact = f"{folder}/{name}" if folder else name
            if self._is_inside(exact):
                return exact
        return self._index.find(name, near)

    def _is_inside(self, name: str) -> bool:
        """Tell whether there is a file of this name below the folder."""
        try:
            path = (self._root / name).resolve()
            return path.is_relative_to(self._root) and path.is_file()
        except (OSError, ValueError, RuntimeError):  # too long, with a NUL, a ring of links
            return False

    def picture(self, name: str, near: str = "") -> bytes:
        """Return a picture's bytes."""
        found = self.find(name, near)
        if found is None:
            raise missing(name)
        path = self._root / found
        return _bounded(path.open("rb"), path.stat().st_size)

    def guessed_names(self) -> list[str]:
        """Return none: the system tells names."""
        return []


class ZipFiles:
    """The files of a zip. Its directory is checked before anything in it is read."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except DAMAGED as error:
            raise AppError("import.not_a_zip") from error
        self._members = _checked(self._zip.infolist())

    def close(self) -> None:
        """Close the archive."""
        self._zip.close()

    def names(self) -> Iterator[str]:
        """Yield the members in order of their names."""
        return iter(sorted(self._members))

    def open(self, name: str) -> BinaryIO:
        """Open a member for reading; damage shows as AppError `import.zip_damaged` on opening."""
        member = self._members[name]
        try:
            return cast("BinaryIO", self._zip.open(member))
        except DAMAGED as error:
            raise damaged(name) from error

    @cached_property
    def _index(self) -> NameIndex:
        return NameIndex(self._members)

    @cached_property
    def _raw_index(self) -> RawIndex:
        return RawIndex(self._members.items())

    def find(self, name: str, near: str = "") -> str | None:
        """Return the member that is meant, written exactly so, only alike, or in an old code page."""
        for exact in dict.fromkeys((f"{near}/{name}" if near else name, name)):
            if exact in self._members:
                return exact
        return self._index.find(name, near) or self._raw_index.find(name)

    def picture(self, name: str, near: str = "") -> bytes:
        """Return a picture's bytes."""
        known = self.find(name, near)
        if known is None:
            raise missing(name)
        try:
            return _bounded(self.open(known), self._members[known].file_size)
        except DAMAGED as error:
            raise damaged(known) from error

    def guessed_names(self) -> list[str]:
        """Return the names of which nothing says how they are encoded."""
        return [name for name, info in self._members.items() if is_guessed(info)]


def _bounded(file: BinaryIO, size: int) -> bytes:
    """Read a picture, but never more than a picture may have, whatever the directory says."""
    limit = settings.CONFIG.picture_max_bytes
    with file:
        data = file.read(limit + 1) if size <= limit else b""
    if size > limit or len(data) > limit:
        raise PictureError("image.too_large", limit_bytes=limit)
    return data


def missing(name: str) -> PictureError:
    """Return the error for a picture that is named and not there."""
    return PictureError("import.image_missing", name=name[:200])


def damaged(name: str) -> AppError:
    """Return the error for a member of a zip that cannot be read."""
    return AppError("import.zip_damaged", name=name[:200])


def _checked(members: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    if len(members) > FILES_MAX:
        raise AppError("import.too_many_files", limit=FILES_MAX)
    found: dict[str, zipfile.ZipInfo] = {}
    for info in members:
        name = member_name(info)
        _check_member(info, name)
        if name.endswith("/") or is_junk_member(info):
            continue
        if name in found:
            raise AppError("import.zip_duplicate_name", name=name[:200])
        found[name] = info
    return found


def _check_member(info: zipfile.ZipInfo, name: str) -> None:
    if is_unsafe(name):
        raise AppError("import.zip_unsafe_name", name=info.orig_filename[:200])
    fault = packing_fault(info, RATIO_MAX)
    if fault == "encrypted":
        raise AppError("import.zip_encrypted")
    if fault == "method":
        raise AppError("import.zip_method", name=name[:200])
    if fault == "ratio":
        raise AppError("import.zip_ratio", name=name[:200], limit=RATIO_MAX)

"""The files that an import brings: a zip or a folder, looked into and never unpacked. All names in them are hostile."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from django.conf import settings

from retrieval_site.errors import AppError
from workers.inference.errors import PictureError

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES_MAX = 1_000_000
RATIO_MAX = 200
RATIO_FREE_BYTES = 1024 * 1024
"""Files up to this size may compress as well as they like."""

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Of the other methods, some unpack without a bound on memory, and none is what archives are made with."""

PICTURE_FOLDERS = ("images", "pictures")
DAMAGED_WHILE_READING = (zipfile.BadZipFile, zlib.error, EOFError)
_DAMAGED = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


class Files(Protocol):
    """Files by name."""

    def names(self) -> Iterator[str]:
        """Yield the names, `/` between folders, in a fixed order."""
        ...

    def open(self, name: str) -> BinaryIO:
        """Open one of `names`."""
        ...

    def picture(self, name: str) -> bytes:
        """Return a picture's bytes; raises PictureError `import.image_missing`, `image.too_large`."""
        ...


class NoFiles:
    """A file that came alone: it can name pictures, but there are none."""

    def names(self) -> Iterator[str]:
        """Yield nothing."""
        return iter(())

    def open(self, name: str) -> BinaryIO:
        """Raise KeyError."""
        raise KeyError(name)

    def picture(self, name: str) -> bytes:
        """Raise PictureError `import.image_missing`."""
        raise missing(name)


class FolderFiles:
    """The files of a folder on this machine; links out of it are not followed."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def names(self) -> Iterator[str]:
        """Yield the files below the folder."""
        return (name for name in self._walk(self._root) if not _is_ignored(name))

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

    def picture(self, name: str) -> bytes:
        """Return a picture's bytes, looked for in the folder and in its `images`."""
        for folder in ("", *PICTURE_FOLDERS):
            path = self._inside(f"{folder}/{name}" if folder else name)
            if path is not None:
                return _bounded(path.open("rb"), path.stat().st_size)
        raise missing(name)

    def _inside(self, name: str) -> Path | None:
        """Return the file of this name below the folder; None where there is none, or can be none."""
        try:
            path = (self._root / name).resolve()
            return path if path.is_relative_to(self._root) and path.is_file() else None
        except (OSError, ValueError, RuntimeError):  # too long, with a NUL, a ring of links
            return None


class ZipFiles:
    """The files of a zip. Its directory is checked before anything in it is read."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except _DAMAGED as error:
            raise AppError("import.not_a_zip", "The file is not a readable zip archive.") from error
        self._members = _checked(self._zip.infolist())
        self._by_base_name: dict[str, str | None] = {}
        for name in self._members:
            base = PurePosixPath(name).name
            self._by_base_name[base] = None if base in self._by_base_name else name

    def close(self) -> None:
        """Close the archive."""
        self._zip.close()

    def names(self) -> Iterator[str]:
        """Yield the members in order of their names."""
        return iter(sorted(self._members))

    def open(self, name: str) -> BinaryIO:
        """Open a member for reading; damage shows as AppError `import.zip_damaged` on opening."""
        try:
            return cast("BinaryIO", self._zip.open(self._members[name]))
        except _DAMAGED as error:
            raise damaged(name) from error

    def picture(self, name: str) -> bytes:
        """Return a picture's bytes by its full name, or by its last part where only one member has it."""
        wanted = name.replace("\\", "/").removeprefix("./")
        known = wanted if wanted in self._members else self._by_base_name.get(PurePosixPath(wanted).name)
        if known is None:
            raise missing(name)
        try:
            return _bounded(self.open(known), self._members[known].file_size)
        except _DAMAGED as error:
            raise damaged(known) from error


def _bounded(file: BinaryIO, size: int) -> bytes:
    """Read a picture, but never more than a picture may have, whatever the directory says."""
    limit = settings.CONFIG.picture_max_bytes
    with file:
        data = file.read(limit + 1) if size <= limit else b""
    if size > limit or len(data) > limit:
        message = f"The picture has more than {limit / 1e6:.1f} MB."
        raise PictureError("image.too_large", message, {"limit_bytes": limit})
    return data


def missing(name: str) -> PictureError:
    """Return the error for a picture that is named and not there."""
    return PictureError(
        "import.image_missing", f"The picture “{name[:200]}” is not there.", {"name": name[:200]}
    )


def damaged(name: str) -> AppError:
    """Return the error for a member of a zip that cannot be read."""
    return AppError(
        "import.zip_damaged", f"“{name[:200]}” in the zip cannot be read: it is damaged or encrypted."
    )


def _checked(members: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    if len(members) > FILES_MAX:
        raise AppError("import.too_many_files", f"The zip holds more than {FILES_MAX:,} files.")
    found: dict[str, zipfile.ZipInfo] = {}
    for info in members:
        _check_member(info)  # before `is_dir`, which looks at a name's last sign
        if info.is_dir() or _is_ignored(info.filename):
            continue
        if info.filename in found:
            raise AppError("import.zip_duplicate_name", f"The zip holds “{info.filename[:200]}” twice.")
        found[info.filename] = info
    return found


def _check_member(info: zipfile.ZipInfo) -> None:
    parts = PurePosixPath(info.filename).parts
    if (
        not info.filename
        or info.filename.startswith("/")
        or ".." in parts
        or "\\" in info.filename
        or info.filename != info.orig_filename
    ):
        raise AppError(
            "import.zip_unsafe_name", f"The zip holds an unsafe name: {info.orig_filename[:200]!r}."
        )
    if info.flag_bits & 1:
        raise AppError("import.zip_encrypted", "The zip is encrypted; import it without a password.")
    if info.compress_type not in METHODS:
        message = f"“{info.filename[:200]}” is packed in a way that is not read here; use deflate."
        raise AppError("import.zip_method", message)
    if info.file_size > RATIO_FREE_BYTES and info.file_size > RATIO_MAX * max(1, info.compress_size):
        message = f"“{info.filename[:200]}” unpacks to more than {RATIO_MAX} times its size."
        raise AppError("import.zip_ratio", message)


def _is_ignored(name: str) -> bool:
    """Tell what systems leave beside the files that a person meant: hidden files, macOS's own folder."""
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)

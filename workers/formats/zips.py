"""What every reader of strangers' zips looks at alike, before anything in one is unpacked.

What differs stays with the readers, on purpose. An import reads from a zip and never unpacks it: any name will do that
leads nowhere else, links are files like others, and a million pictures are no attack. A bundle is unpacked into a
folder: its names are a closed set, links are refused, and its two directories must agree.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO, Literal, TypeAlias

STARTS = (b"PK\x03\x04", b"PK\x05\x06")
DAMAGED = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, LookupError, ArithmeticError,
    NotImplementedError, RuntimeError,
)  # fmt: skip
"""What `zipfile` raises for an archive or member that is damaged, encrypted or otherwise unreadable."""

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Of the other methods, some unpack without a bound on memory, and none is what archives are made with."""

RATIO_FREE_BYTES = 1 << 20
"""Files up to this size may compress as well as they like: they fill neither memory nor a disk."""

PackingFault: TypeAlias = Literal["encrypted", "method", "ratio"]

_ENCRYPTED = 1
_END, _END_BYTES = b"PK\x05\x06", 22
_LOCATOR, _LOCATOR_BYTES = b"PK\x06\x07", 20
_COMMENT_MAX_BYTES = 1 << 16
_DESKTOPS_FOLDER = "__MACOSX"
_DESKTOPS_FILES = frozenset({".ds_store", "thumbs.db", "desktop.ini", ".localized"})


@dataclass(frozen=True)
class Directory:
    """What the end of an archive says of its directory; `second`: there is another one, for beyond 4 GB."""

    files: int
    bytes: int
    second: bool


def directory_of(file: BinaryIO) -> Directory | None:
    """Read the archive's last bytes alone; None where they are no end of a zip."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _COMMENT_MAX_BYTES - _END_BYTES - _LOCATOR_BYTES))
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_BYTES:
        return None
    files, directory_bytes = struct.unpack_from("<HI", tail, at + 10)
    return Directory(files, directory_bytes, tail[max(0, at - _LOCATOR_BYTES) :].startswith(_LOCATOR))


def packing_fault(info: zipfile.ZipInfo, ratio_max: int) -> PackingFault | None:
    """Return why a member must not be unpacked, by what the directory says of it.

    `ratio`: it unpacks to more than `ratio_max` times its size, as a zip bomb does.
    """
    if info.flag_bits & _ENCRYPTED:
        return "encrypted"
    if info.compress_type not in METHODS:
        return "method"
    is_large = info.file_size > RATIO_FREE_BYTES
    return "ratio" if is_large and info.file_size > ratio_max * max(1, info.compress_size) else None


def is_desktops(name: str) -> bool:
    """Tell what macOS and Windows leave beside the files that a person meant."""
    parts = PurePosixPath(name).parts
    if not parts:
        return False
    last = parts[-1].lower()
    return _DESKTOPS_FOLDER in parts or last in _DESKTOPS_FILES or last.startswith("._")

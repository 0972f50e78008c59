"""Whether a zip archive's directory tells the truth about its files: their places and sizes, before any is unpacked.

A zip archive says everything twice, in the directory at its end and before each file. Readers that believe different
places see different archives.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

from workers.formats.zips import directory_of
from workers.inference.errors import BundleError

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Sequence

_DIRECTORY_MAX_BYTES = 1 << 20
_LOCAL, _LOCAL_BYTES = b"PK\x03\x04", 30
_SIZES_FOLLOW = 1 << 3
_UTF8 = 1 << 11
_IN_EXTRA = 0xFFFF_FFFF
_ZIP64_EXTRA = 1


def check_directory(source: BinaryIO, most_files: int) -> None:
    """Refuse, from the archive's last bytes alone, a directory that is too large to be read.

    Raises BundleError `bundle.too_many_files` or `bundle.sizes_disagree`.
    """
    directory = directory_of(source)
    if directory is None:
        return  # no zip archive, as `zipfile` will say
    if directory.second:
        _refuse("it has a second directory for archives beyond 4 GB")
    if directory.files > most_files or directory.bytes > _DIRECTORY_MAX_BYTES:
        raise BundleError("bundle.too_many_files", files=directory.files, limit=most_files)


def check_layout(source: BinaryIO, members: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse an archive whose files overlap, or have other sizes or names than the directory says.

    Raises BundleError `bundle.sizes_disagree`.
    """
    free_from = 0
    for info in sorted(members, key=lambda one: one.header_offset):
        if info.header_offset < free_from or (free_from == 0 and info.header_offset > 0):
            _refuse("files overlap, or do not begin at its start", name=info.filename)
        free_from = info.header_offset + _local_bytes(source, info) + info.compress_size


def _local_bytes(source: BinaryIO, info: zipfile.ZipInfo) -> int:
    """Return how many bytes stand before a file's content, after comparing them with the directory."""
    source.seek(info.header_offset)
    header = source.read(_LOCAL_BYTES)
    if len(header) < _LOCAL_BYTES or not header.startswith(_LOCAL):
        _refuse("a file is not where it should be", name=info.filename)
    flags, method = struct.unpack_from("<HH", header, 6)
    packed, unpacked, name_bytes, extra_bytes = struct.unpack_from("<IIHH", header, 18)
    name, extra = source.read(name_bytes), source.read(extra_bytes)
    if (
        name.decode("utf-8" if flags & _UTF8 else "cp437", "replace") != info.orig_filename
        or method != info.compress_type
    ):
        _refuse("a file has another name or compression", name=info.filename)
    if (flags ^ info.flag_bits) & (_SIZES_FOLLOW | _UTF8 | 1):
        _refuse("a file is marked in two ways", name=info.filename)
    if not flags & _SIZES_FOLLOW and _sizes(packed, unpacked, extra) != (info.compress_size, info.file_size):
        _refuse("a file has two sizes", name=info.filename)
    return _LOCAL_BYTES + len(name) + len(extra)


def _sizes(packed: int, unpacked: int, extra: bytes) -> tuple[int, int]:
    """Return both sizes of a local header, from its extra field where they do not fit into 32 bits."""
    if _IN_EXTRA not in (packed, unpacked):
        return packed, unpacked
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == _ZIP64_EXTRA and length >= 16 and at + 20 <= len(extra):
            large_unpacked, large_packed = struct.unpack_from("<QQ", extra, at + 4)
            return (
                large_packed if packed == _IN_EXTRA else packed,
                large_unpacked if unpacked == _IN_EXTRA else unpacked,
            )
        at += 4 + length
    return packed, unpacked


def _refuse(problem: str, **detail: Any) -> NoReturn:
    raise BundleError("bundle.sizes_disagree", problem=problem, **detail)

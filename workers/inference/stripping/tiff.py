"""TIFF: a file of one page with what its pixels need and the fields that describe them."""

from __future__ import annotations

import struct
from itertools import islice
from typing import TYPE_CHECKING

from workers.inference.errors import PictureError
from workers.inference.headers.tiff import (
    STRIP_BYTES,
    STRIP_OFFSETS,
    TILE_BYTES,
    TILE_OFFSETS,
    TiffLayout,
    entries,
    pages,
    places,
)
from workers.inference.headers.types import too_complex, unsupported

if TYPE_CHECKING:
    from workers.inference.headers.tiff import TiffField
    from workers.inference.headers.types import PictureLimits

_ICC_PROFILE, _JPEG_TABLES = 34675, 347
_KEPT = frozenset({
    *range(254, 260), 262, 266, STRIP_OFFSETS, 274, 277, 278, STRIP_BYTES, 280, 281, 282, 283, 284, *range(290, 294),
    296, 301, *range(317, 322), 322, 323, TILE_OFFSETS, TILE_BYTES, 332, 334, *range(336, 343), _JPEG_TABLES,
    *range(529, 533), _ICC_PROFILE,
})  # fmt: skip
"""Sizes, compression, colours, orientation, resolution, and where the pixels lie (TIFF 6.0)."""
_LONG, _LONG8 = 4, 16
_PAGE_BYTES = 4096
"""What a page may take beside its pixels and still be an ordinary one."""


def strip(data: bytes, limits: PictureLimits) -> bytes:
    """Return a file of the first whole page; raises PictureError `image.unsupported` for strips without sizes."""
    return page_file(data, next(pages(data, limits)), limits)


def pages_apart(data: bytes, limits: PictureLimits, most: int) -> list[bytes]:
    """Return a file for each whole page; raises PictureError `image.too_many_pages`, and as `strip` does."""
    found = list[int]()
    for page in pages(data, limits):
        if len(found) == most:
            raise PictureError("image.too_many_pages", format="tiff", limit=most)
        found.append(page)
    files, total = list[bytes](), 0
    for page in found:
        files.append(page_file(data, page, limits))
        total += len(files[-1])
        _check_copied(total, len(data) + _PAGE_BYTES * len(found))
    return files


def _check_copied(copied: int, size: int) -> None:
    """Refuse a file whose pages or fields share so many bytes that, each with its own, they would be far larger."""
    if copied > 2 * size:
        raise too_complex("tiff", "bytes in its pages and fields", copied, 2 * size)


def page_file(data: bytes, directory: int, limits: PictureLimits) -> bytes:
    """Return a TIFF of one page: its header, its directory, then its pixels and the values of its fields."""
    layout, found = TiffLayout.read(data), entries(data, directory, limits)
    kept = [found[tag] for tag in sorted(found) if tag in _KEPT]
    _check_copied(sum(entry.size for entry in kept), len(data))
    count = struct.pack(layout.order + ("Q" if layout.big else "H"), len(kept))
    end = bytes(struct.calcsize(layout.offset))
    directory_bytes = len(count) + len(kept) * layout.entry_bytes + len(end)
    content = _Content(layout.head_bytes + directory_bytes)
    moved = _moved(data, found, content, limits)
    rows = [_row(data, entry, moved, content, layout) for entry in kept]
    first = struct.pack(layout.offset, layout.head_bytes)
    head = data[: layout.head_bytes // 2] + first
    return head + count + b"".join(rows) + end + bytes(content.bytes)


class _Content:
    """What follows the directory, with its place in the file."""

    def __init__(self, start: int) -> None:
        self._start, self.bytes = start, bytearray()

    def put(self, part: bytes) -> int:
        """Add a part on an even offset and return that."""
        self.bytes += bytes(len(self.bytes) + self._start & 1)
        self.bytes += part
        return self._start + len(self.bytes) - len(part)


def _moved(
    data: bytes, found: dict[int, TiffField], content: _Content, limits: PictureLimits
) -> dict[int, list[int]]:
    """Add the strips or tiles to the content; return the new values of the fields that say where they are."""
    values = dict[int, list[int]]()
    pieces = iter(places(data, found, limits))
    for offsets, sizes in ((STRIP_OFFSETS, STRIP_BYTES), (TILE_OFFSETS, TILE_BYTES)):
        if offsets not in found:
            continue
        if sizes not in found:
            raise unsupported("tiff", "strips or tiles without their sizes")
        parts = [data[at : at + size] for at, size in islice(pieces, _pairs(found[offsets], found[sizes]))]
        values[offsets], values[sizes] = [content.put(part) for part in parts], [len(part) for part in parts]
    return values


def _pairs(offsets: TiffField, sizes: TiffField) -> int:
    return min(offsets.count, sizes.count)


def _row(
    data: bytes, entry: TiffField, moved: dict[int, list[int]], content: _Content, layout: TiffLayout
) -> bytes:
    """Return the directory's row for a field; its value lies there, or in the content where it is longer."""
    kind, count, body = entry.kind, entry.count, data[entry.start : entry.start + entry.size]
    if entry.tag in moved:
        values = moved[entry.tag]
        kind, count = (_LONG8 if layout.big else _LONG), len(values)
        body = struct.pack(f"{layout.order}{count}{'Q' if layout.big else 'I'}", *values)
    elif len(body) < entry.size:
        raise ValueError(f"tag {entry.tag} lies outside the file")
    room = struct.calcsize(layout.offset)
    value = body if len(body) <= room else struct.pack(layout.offset, content.put(body))
    return (
        struct.pack(layout.order + "HH", entry.tag, kind)
        + struct.pack(layout.offset, count)
        + value.ljust(room, b"\0")
    )

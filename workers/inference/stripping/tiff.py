"""TIFF: blank every byte that neither the pixels nor the fields that describe them need."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from workers.inference.headers.tiff import (
    STRIP_BYTES,
    STRIP_OFFSETS,
    TILE_BYTES,
    TILE_OFFSETS,
    Layout,
    entries,
    places,
)
from workers.inference.headers.types import animated, unsupported

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workers.inference.headers.tiff import Entry
    from workers.inference.headers.types import PictureLimits

_ICC_PROFILE, _JPEG_TABLES = 34675, 347
_KEPT = frozenset({
    *range(254, 260), 262, 266, STRIP_OFFSETS, 274, 277, 278, STRIP_BYTES, 280, 281, 282, 283, 284, *range(290, 294),
    296, 301, *range(317, 322), 322, 323, TILE_OFFSETS, TILE_BYTES, 332, 334, *range(336, 343), _JPEG_TABLES,
    *range(529, 533), _ICC_PROFILE,
})  # fmt: skip
"""Sizes, compression, colours, orientation, resolution, and where the pixels lie (TIFF 6.0)."""


def strip(data: bytes, limits: PictureLimits) -> bytes:
    """Return a file of the same length: offsets stay, all else is zero.

    Raises PictureError `image.animated` for several pages, `image.unsupported` where strips have no sizes.
    """
    layout, found = Layout.read(data), entries(data, limits)
    for offsets, sizes in ((STRIP_OFFSETS, STRIP_BYTES), (TILE_OFFSETS, TILE_BYTES)):
        if offsets in found and sizes not in found:
            raise unsupported("tiff", "strips or tiles without their sizes")
    start, count = layout.directory(data)
    _check_single(data, layout, start + count * layout.entry_bytes)
    result = bytearray(len(data))
    for first, size in _needed(found, places(data, found, limits)):
        result[first : first + size] = data[first : first + size]
    head = 16 if layout.big else 8
    result[:head] = data[:head]
    _write_directory(result, data, layout)
    return bytes(result)


def _check_single(data: bytes, layout: Layout, at: int) -> None:
    if struct.unpack_from(layout.order + ("Q" if layout.big else "I"), data, at)[0]:
        raise animated("tiff")


def _needed(found: dict[int, Entry], pieces: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the ranges that the fields kept and the pixels take."""
    yield from ((entry.start, entry.size) for tag, entry in found.items() if tag in _KEPT)
    yield from pieces


def _write_directory(result: bytearray, data: bytes, layout: Layout) -> None:
    """Write the fields that are kept where the directory was; nothing follows them."""
    start, count = layout.directory(data)
    rows = (start + layout.entry_bytes * n for n in range(count))
    kept = [data[at : at + layout.entry_bytes] for at in rows if layout.entry(data, at).tag in _KEPT]
    size = struct.pack(layout.order + ("Q" if layout.big else "H"), len(kept))
    body = b"".join(kept) + bytes(8 if layout.big else 4)
    rest = bytes((count - len(kept)) * layout.entry_bytes)
    block = size + body + rest
    result[start - len(size) : start - len(size) + len(block)] = block

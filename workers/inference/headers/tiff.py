"""TIFF: the directories of its pages, and the strips or tiles that they name (TIFF 6.0; BigTIFF)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from workers.inference.headers.types import (
    Header,
    PartCount,
    PictureLimits,
    check_scans,
    first_page,
    too_complex,
    unsupported,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

KIND, OLD_KIND = 254, 255
_REDUCED_OR_MASK, _OLD_REDUCED = 1 | 4, 2
WIDTH, HEIGHT, COMPRESSION = 256, 257, 259
STRIP_OFFSETS, STRIP_BYTES, TILE_OFFSETS, TILE_BYTES = 273, 279, 324, 325
_JPEG = 7
_COMPRESSIONS_READ = frozenset({1, 2, 3, 4, 5, _JPEG, 8, 32946, 32773, 50000})
"""None, CCITT, LZW, JPEG, Deflate (two numbers), PackBits, Zstandard. Others are rare, with decoders of their own."""

_TYPE_BYTES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
_TYPE_CODES = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_ENTRIES_MAX = 1000
_BYTES_PER_PIXEL = 18
_PIXEL_NANOSECONDS = 12
"""A strip of the whole picture with 16 bits and transparency; most take a third of it."""


@dataclass(frozen=True)
class TiffField:
    """One field of a directory: `count` values of a type, and where they lie."""

    tag: int
    kind: int
    count: int
    start: int

    @property
    def size(self) -> int:
        """How many bytes its values take."""
        return _TYPE_BYTES.get(self.kind, 1) * self.count


@dataclass(frozen=True)
class TiffLayout:
    """Byte order and the width of offsets: 4 bytes in TIFF, 8 in BigTIFF."""

    order: str
    big: bool

    @classmethod
    def read(cls, data: bytes) -> TiffLayout:
        """Read it from the first four bytes."""
        order = "<" if data[:2] == b"II" else ">"
        return cls(order, big=struct.unpack_from(order + "H", data, 2)[0] == 43)

    @property
    def offset(self) -> str:
        """How an offset is stored, as `struct` says it."""
        return self.order + ("Q" if self.big else "I")

    @property
    def head_bytes(self) -> int:
        """How long the file's header is; it ends with the first directory's offset."""
        return 16 if self.big else 8

    def first(self, data: bytes) -> int:
        """Return where the first directory lies."""
        return int(struct.unpack_from(self.offset, data, self.head_bytes // 2)[0])

    def following(self, data: bytes, directory: int) -> int:
        """Return where the directory behind this one lies, 0 where it is the last."""
        start, count = self.directory(data, directory)
        return int(struct.unpack_from(self.offset, data, start + count * self.entry_bytes)[0])

    def directory(self, data: bytes, at: int) -> tuple[int, int]:
        """Return where a directory's entries begin, and how many there are."""
        (count,) = struct.unpack_from(self.order + ("Q" if self.big else "H"), data, at)
        return at + (8 if self.big else 2), count

    def entry(self, data: bytes, at: int) -> TiffField:
        """Read the entry at an offset."""
        tag, kind = struct.unpack_from(self.order + "HH", data, at)
        (count,) = struct.unpack_from(self.order + ("Q" if self.big else "I"), data, at + 4)
        field, room = at + (12 if self.big else 8), (8 if self.big else 4)
        if _TYPE_BYTES.get(kind, 1) * count > room:
            field = struct.unpack_from(self.order + ("Q" if self.big else "I"), data, field)[0]
        return TiffField(tag, kind, count, field)

    @property
    def entry_bytes(self) -> int:
        """How long an entry is."""
        return 20 if self.big else 12

    def values(self, data: bytes, entry: TiffField) -> tuple[int, ...]:
        """Return an entry's whole numbers; raises struct.error where they lie outside the file."""
        code = _TYPE_CODES.get(entry.kind)
        if code is None:
            raise ValueError(f"tag {entry.tag} holds no whole numbers")
        if entry.size > len(data):
            raise ValueError(f"tag {entry.tag} is longer than the file")
        return struct.unpack_from(f"{self.order}{entry.count}{code}", data, entry.start)


def pages(data: bytes, limits: PictureLimits) -> Iterator[int]:
    """Yield where the directories of whole pages lie: previews and masks are left out.

    A file of nothing else has its first as a page. Raises PictureError `image.too_complex`, struct.error.
    """
    layout, fields = TiffLayout.read(data), PartCount("tiff", limits.max_parts, "fields")
    at = first = layout.first(data)
    seen, found = set[int](), False
    while at and at not in seen:
        seen.add(at)
        start, count = layout.directory(data, at)
        fields.add(1 + count)
        if _is_page(data, layout, start, count):
            found = True
            yield at
        # What is behind the first whole page may be damaged without harm to it.
        at = _following(data, layout, at) if found else layout.following(data, at)
    if not found:
        yield first


def _following(data: bytes, layout: TiffLayout, at: int) -> int:
    try:
        following = layout.following(data, at)
        start, count = layout.directory(data, following)
    except struct.error:
        return 0
    return following if start + count * layout.entry_bytes <= len(data) else 0


def _is_page(data: bytes, layout: TiffLayout, start: int, count: int) -> bool:
    """Whether a directory is neither a reduced copy nor a mask (TIFF 6.0, NewSubfileType; SubfileType before it)."""
    entries = dict[int, int]()
    for at in range(start, start + layout.entry_bytes * count, layout.entry_bytes):
        if struct.unpack_from(layout.order + "H", data, at)[0] in (KIND, OLD_KIND):
            entry = layout.entry(data, at)
            entries[entry.tag] = layout.values(data, entry)[0]
    return not entries.get(KIND, 0) & _REDUCED_OR_MASK and entries.get(OLD_KIND) != _OLD_REDUCED


def with_first(data: bytes, directory: int) -> bytes:
    """Return the file with another directory as its first."""
    layout = TiffLayout.read(data)
    if layout.first(data) == directory:
        return data
    head = data[: layout.head_bytes // 2] + struct.pack(layout.offset, directory)
    return head + data[layout.head_bytes :]


def entries(data: bytes, directory: int, limits: PictureLimits) -> dict[int, TiffField]:
    """Return a directory by tag; raises PictureError `image.too_complex`, ValueError, struct.error for none."""
    layout = TiffLayout.read(data)
    at, count = layout.directory(data, directory)
    PartCount("tiff", min(_ENTRIES_MAX, limits.max_parts), "fields").add(count)
    found = [layout.entry(data, at + layout.entry_bytes * n) for n in range(count)]
    size = sum(entry.size for entry in found)
    if size > 2 * len(data):  # each is read into memory of its own, however often the same bytes are named
        raise too_complex("tiff", "bytes in its fields", size, 2 * len(data))
    return {entry.tag: entry for entry in found}


def read(data: bytes, limits: PictureLimits) -> Header:
    """Return the size; raises PictureError `image.too_complex`, `image.unsupported`, ValueError without a size."""
    first = list(islice(pages(data, limits), 2))
    layout, found = TiffLayout.read(data), entries(data, first[0], limits)
    width, height = (layout.values(data, found[tag])[0] if tag in found else 0 for tag in (WIDTH, HEIGHT))
    compression = layout.values(data, found[COMPRESSION])[0] if COMPRESSION in found else 1
    if compression not in _COMPRESSIONS_READ:
        raise unsupported("tiff", f"TIFF compression {compression}")
    pieces = places(data, found, limits)
    if compression == _JPEG:
        _check_scans(data, pieces, width * height, limits)
    warnings = first_page("tiff", len(first))
    return Header(width, height, _BYTES_PER_PIXEL, pixel_nanoseconds=_PIXEL_NANOSECONDS, warnings=warnings)


def places(data: bytes, found: dict[int, TiffField], limits: PictureLimits) -> list[tuple[int, int]]:
    """Return where the strips or tiles lie, as (start, size).

    Raises PictureError `image.too_complex` where they are too many, or together more than the file has.
    """
    layout, pieces = TiffLayout.read(data), list[tuple[int, int]]()
    for offsets, sizes in ((STRIP_OFFSETS, STRIP_BYTES), (TILE_OFFSETS, TILE_BYTES)):
        if offsets not in found:
            continue
        PartCount("tiff", limits.max_parts, "strips or tiles").add(found[offsets].count)
        starts = layout.values(data, found[offsets])
        given = layout.values(data, found[sizes]) if sizes in found else (len(data),) * len(starts)
        pieces += [(start, min(size, len(data))) for start, size in zip(starts, given, strict=False)]
    total = sum(size for _, size in pieces)
    if len(pieces) > 1 and total > 2 * len(data):
        raise too_complex("tiff", "bytes in its strips or tiles", total, 2 * len(data))
    return pieces


def _check_scans(data: bytes, pieces: list[tuple[int, int]], pixels: int, limits: PictureLimits) -> None:
    """Count the scans of the JPEG data in it: each strip or tile is a JPEG file of its own."""
    scans = max((data.count(b"\xff\xda", start, start + size) for start, size in pieces), default=0)
    check_scans("tiff", scans * pixels, limits)

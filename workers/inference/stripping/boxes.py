"""HEIC and AVIF: blank the items that hold metadata or previews, and boxes that are no part of the picture.

Nothing is moved, since everything is found by its offset.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workers.inference.headers import orientation
from workers.inference.headers.boxes import Box, boxes, item_infos, meta_boxes, number
from workers.inference.headers.types import Parts, unsupported

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workers.inference.headers.types import PictureLimits

_EXIF = b"Exif"
_METADATA = (_EXIF, b"mime", b"uri ")
_BOXES_KEPT = (b"ftyp", b"meta", b"mdat", b"moov")
_IN_FILE, _IN_BOX = 0, 1
_EXIF_START = bytes(4)
"""How far behind it the TIFF block of an EXIF item begins."""


@dataclass(frozen=True)
class _Item:
    """Where the bytes of an item lie in the file, as (start, size)."""

    number: int
    extents: tuple[tuple[int, int], ...]


def strip(data: bytes, limits: PictureLimits, name: str) -> bytes:
    """Return a file of the same length; raises PictureError `image.unsupported` where an item cannot be found."""
    parts, result = Parts(name, limits.max_parts), bytearray(data)
    inner = {box.kind: box for box in meta_boxes(data, parts)}
    kinds = (
        {item: kind for item, kind, _ in item_infos(data, inner[b"iinf"], parts)} if b"iinf" in inner else {}
    )
    previews = set(_previews(data, inner[b"iref"], parts)) if b"iref" in inner else set()
    for item in _located(data, inner, parts, name):
        kind = kinds.get(item.number, b"")
        if kind in _METADATA or item.number in previews:
            _blank(result, data, item, kind)
    for box in boxes(data, 0, len(data), parts):
        if box.kind not in _BOXES_KEPT:
            result[box.start + 4 : box.start + 8] = b"free"
            result[box.content : box.end] = bytes(box.end - box.content)
    return bytes(result)


def _blank(result: bytearray, data: bytes, item: _Item, kind: bytes) -> None:
    """Overwrite an item with zeros; one of EXIF with what it says of the orientation."""
    for at, (start, size) in enumerate(item.extents):
        block = b""
        if kind == _EXIF and at == 0:
            block = _minimal(data[start : start + size])
        result[start : start + size] = block[:size].ljust(size, b"\0") if len(block) <= size else bytes(size)


def _minimal(item: bytes) -> bytes:
    skipped = 4 + int.from_bytes(item[:4], "big")
    return _EXIF_START + orientation.minimal_exif(orientation.from_exif(item[skipped:]) or 1)


def _previews(data: bytes, iref: Box, parts: Parts) -> Iterator[int]:
    wide = 4 if data[iref.content] else 2
    for box in boxes(data, iref.content + 4, iref.end, parts):
        if box.kind == b"thmb":
            yield number(data, box.content, wide)


def _located(data: bytes, inner: dict[bytes, Box], parts: Parts, name: str) -> Iterator[_Item]:
    """Yield where items lie, by the `iloc` box."""
    if b"iloc" not in inner:
        return
    iloc = inner[b"iloc"]
    at, version = iloc.content + 4, data[iloc.content]
    sizes = _Sizes(data[at] >> 4, data[at] & 15, data[at + 1] >> 4, data[at + 1] & 15 if version else 0)
    wide = 4 if version > 1 else 2
    count, at = number(data, at + 2, wide), at + 2 + wide
    for _ in range(count):
        item, method = number(data, at, wide), _IN_FILE
        at += wide
        if version:
            method, at = number(data, at, 2) & 15, at + 2
        at += 2  # the data reference
        base, extent_count = number(data, at, sizes.base), number(data, at + sizes.base, 2)
        at += sizes.base + 2
        parts.add(1 + extent_count)
        base += _origin(inner, method, name)
        extents = tuple(sizes.extent(data, at + n * sizes.step, base) for n in range(extent_count))
        at += extent_count * sizes.step
        yield _Item(item, extents)


def _origin(inner: dict[bytes, Box], method: int, name: str) -> int:
    """Return from where an item's offsets count."""
    if method == _IN_FILE:
        return 0
    if method == _IN_BOX and b"idat" in inner:
        return inner[b"idat"].content
    raise unsupported(name, "items inside other items")


@dataclass(frozen=True)
class _Sizes:
    """How many bytes each number of an extent takes."""

    offset: int
    length: int
    base: int
    index: int

    @property
    def step(self) -> int:
        return self.index + self.offset + self.length

    def extent(self, data: bytes, at: int, base: int) -> tuple[int, int]:
        """Return an extent's start and size; raises ValueError for one that does not lie in the file."""
        start = base + number(data, at + self.index, self.offset)
        size = number(data, at + self.index + self.offset, self.length)
        if size == 0 or start + size > len(data):
            raise ValueError("an item lies outside the file")
        return start, size

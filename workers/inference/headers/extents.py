"""HEIC and AVIF: where the bytes of items lie, and what the items beside the picture say of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workers.inference.headers import orientation
from workers.inference.headers.boxes import item_infos, meta_boxes, number
from workers.inference.headers.types import PartCount, unsupported

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workers.inference.headers.boxes import Box
    from workers.inference.headers.types import PictureLimits

EXIF = b"Exif"
_IN_FILE, _IN_BOX = 0, 1


@dataclass(frozen=True)
class HeifItem:
    """Where the bytes of an item lie in the file, as (start, size)."""

    number: int
    extents: tuple[tuple[int, int], ...]


def exif_orientation(data: bytes, limits: PictureLimits, name: str) -> int | None:
    """Return the orientation that the EXIF item names; None where there is none. Raises as `located` does."""
    parts = PartCount(name, limits.max_parts)
    inner = {box.kind: box for box in meta_boxes(data, parts)}
    if b"iinf" not in inner:
        return None
    wanted = {item for item, kind, _ in item_infos(data, inner[b"iinf"], parts) if kind == EXIF}
    for item in located(data, inner, parts, name) if wanted else ():
        if item.number in wanted:
            start, size = item.extents[0]
            return orientation.from_exif(tiff_block(data[start : start + size]))
    return None


def tiff_block(item: bytes) -> bytes:
    """Return what an EXIF item holds behind the number of bytes to skip."""
    return item[4 + int.from_bytes(item[:4], "big") :]


def located(data: bytes, inner: dict[bytes, Box], parts: PartCount, name: str) -> Iterator[HeifItem]:
    """Yield where items lie, by the `iloc` box; raises PictureError `image.unsupported`, ValueError, struct.error."""
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
        yield HeifItem(item, extents)


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

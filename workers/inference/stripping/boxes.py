"""HEIC and AVIF: blank the items that hold metadata or previews, and boxes that are no part of the picture.

Nothing is moved, since everything is found by its offset.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers.inference.headers import orientation
from workers.inference.headers.boxes import Box, boxes, item_infos, meta_boxes, number, top_boxes
from workers.inference.headers.extents import EXIF, located, tiff_block
from workers.inference.headers.types import PartCount

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workers.inference.headers.extents import HeifItem
    from workers.inference.headers.types import PictureLimits

_METADATA = (EXIF, b"mime", b"uri ")
_BOXES_KEPT = (b"ftyp", b"meta", b"mdat", b"moov")
_EXIF_START = bytes(4)
"""How far behind it the TIFF block of an EXIF item begins."""


def strip(data: bytes, limits: PictureLimits, name: str) -> bytes:
    """Return a file of the same length, but for what is no box behind it.

    Raises PictureError `image.unsupported` where an item cannot be found.
    """
    parts, result = PartCount(name, limits.max_parts), bytearray(data)
    inner = {box.kind: box for box in meta_boxes(data, parts)}
    kinds = (
        {item: kind for item, kind, _ in item_infos(data, inner[b"iinf"], parts)} if b"iinf" in inner else {}
    )
    previews = set(_previews(data, inner[b"iref"], parts)) if b"iref" in inner else set()
    for item in located(data, inner, parts, name):
        kind = kinds.get(item.number, b"")
        if kind in _METADATA or item.number in previews:
            _blank(result, data, item, kind)
    end = 0
    for box in top_boxes(data, parts):
        end = box.end
        if box.kind not in _BOXES_KEPT:
            result[box.start + 4 : box.start + 8] = b"free"
            result[box.content : box.end] = bytes(box.end - box.content)
    return bytes(result[:end])


def _blank(result: bytearray, data: bytes, item: HeifItem, kind: bytes) -> None:
    """Overwrite an item with zeros; one of EXIF with what it says of the orientation."""
    for at, (start, size) in enumerate(item.extents):
        block = b""
        if kind == EXIF and at == 0:
            block = _minimal(data[start : start + size])
        result[start : start + size] = block[:size].ljust(size, b"\0") if len(block) <= size else bytes(size)


def _minimal(item: bytes) -> bytes:
    return _EXIF_START + orientation.minimal_exif(orientation.from_exif(tiff_block(item)) or 1)


def _previews(data: bytes, iref: Box, parts: PartCount) -> Iterator[int]:
    wide = 4 if data[iref.content] else 2
    for box in boxes(data, iref.content + 4, iref.end, parts):
        if box.kind == b"thmb":
            yield number(data, box.content, wide)

"""GIF: its blocks (GIF89a specification)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from workers.inference.headers.types import Header, PartCount, PictureLimits, first_frame

if TYPE_CHECKING:
    from collections.abc import Iterator

EXTENSION, IMAGE, TRAILER = 0x21, 0x2C, 0x3B
APPLICATION, PROFILE_APPLICATION = 0xFF, b"ICCRGBG1012"
_SUB_BLOCKS_PER_PART = 10
"""Coded pixels come in sub-blocks of at most 255 bytes, so files have many more of these than of other parts."""
_BYTES_PER_PIXEL = 10
_PIXEL_NANOSECONDS = 8


@dataclass(frozen=True)
class GifBlock:
    """An extension (`label` says which) or an image, with all its sub-blocks."""

    kind: int
    label: int
    start: int
    end: int


def blocks(data: bytes, limits: PictureLimits) -> Iterator[GifBlock]:
    """Yield the blocks behind the global colour table up to the trailer."""
    parts = PartCount("gif", limits.max_parts)
    sub_blocks = PartCount("gif", limits.max_parts * _SUB_BLOCKS_PER_PART, "blocks")
    at = first_block(data)
    while at < len(data) and data[at] in (EXTENSION, IMAGE):
        parts.add()
        kind = data[at]
        content = at + 2 if kind == EXTENSION else at + 11 + _table_bytes(data[at + 9])
        end = _end(data, content, sub_blocks)
        yield GifBlock(kind, data[at + 1], at, end)
        at = end


def first_block(data: bytes) -> int:
    """Return where the header and the global colour table end."""
    return 13 + _table_bytes(data[10])


def read(data: bytes, limits: PictureLimits) -> Header:
    """Return the size of screen and first image together; raises PictureError `image.too_complex`."""
    width, height = _pair(data, 6)
    images = list(islice((block for block in blocks(data, limits) if block.kind == IMAGE), 2))
    for first in images[:1]:  # only this one is decoded
        left, top = _pair(data, first.start + 1)
        across, down = _pair(data, first.start + 5)
        width, height = max(width, left + across), max(height, top + down)
    warnings = first_frame("gif", len(images))
    return Header(width, height, _BYTES_PER_PIXEL, pixel_nanoseconds=_PIXEL_NANOSECONDS, warnings=warnings)


def colour_profile(data: bytes, limits: PictureLimits) -> bytes:
    """Return the ICC profile in an application extension; nothing where there is none."""
    for block in blocks(data, limits):
        if block.label == APPLICATION and data[block.start + 3 : block.start + 14] == PROFILE_APPLICATION:
            return b"".join(_sub_blocks(data, block.start + 14))
    return b""


def _pair(data: bytes, at: int) -> tuple[int, int]:
    return int.from_bytes(data[at : at + 2], "little"), int.from_bytes(data[at + 2 : at + 4], "little")


def _table_bytes(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _sub_blocks(data: bytes, at: int) -> Iterator[bytes]:
    while at < len(data) and data[at]:
        yield data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]


def _end(data: bytes, at: int, sub_blocks: PartCount) -> int:
    """Return where a chain of sub-blocks ends, its closing zero included."""
    while at < len(data) and data[at]:
        sub_blocks.add()
        at += 1 + data[at]
    return min(at + 1, len(data))

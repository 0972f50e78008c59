"""WebP: the chunks of its RIFF container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers.inference.headers.types import Chunk, Header, Parts, PictureLimits

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST_CHUNK = 12
_BYTES_PER_PIXEL = 13
"""libwebp's animation decoder, which Pillow uses for every WebP, holds two canvases beside the picture."""


def chunks(data: bytes, limits: PictureLimits) -> Iterator[Chunk]:
    """Yield the chunks, padding included, inside the RIFF container; what lies behind it is not the picture's."""
    parts, at = Parts("webp", limits.max_parts), FIRST_CHUNK
    end = min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    while at + 8 <= end:
        parts.add()
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        following = at + 8 + size + (size & 1)
        yield Chunk(data[at : at + 4], at, min(following, end))
        at = following


def read(data: bytes, limits: PictureLimits) -> Header:
    """Return the size; raises PictureError `image.too_complex`, ValueError without a size."""
    for _ in chunks(data, limits):
        pass
    width, height = _size(data)
    return Header(width, height, _BYTES_PER_PIXEL)


def _size(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = int.from_bytes(data[26:28], "little"), int.from_bytes(data[28:30], "little")
        return width & 0x3FFF, height & 0x3FFF
    raise ValueError("no picture in it")

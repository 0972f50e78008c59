"""WebP: the chunks of its RIFF container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers.inference.headers.types import Chunk, Header, PartCount, PictureLimits, first_frame

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST_CHUNK = 12
_BYTES_PER_PIXEL = 13
"""libwebp's animation decoder, which Pillow uses for every WebP, holds two canvases beside the picture."""


_METADATA = (b"EXIF", b"XMP ")
_KNOWN = (b"VP8X", b"ICCP", b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L", *_METADATA)


def chunks(data: bytes, limits: PictureLimits) -> Iterator[Chunk]:
    """Yield the chunks, padding included, inside the RIFF container; what lies behind it is not the picture's.

    A container whose length is too small ends behind the last chunk that is a picture's.
    """
    parts, at, end = PartCount("webp", limits.max_parts), FIRST_CHUNK, 8 + int.from_bytes(data[4:8], "little")
    while at + 8 <= len(data) and (at < end or data[at : at + 4] in _KNOWN):
        parts.add()
        following = at + 8 + (size := _content(data, at)) + (size & 1)
        yield Chunk(data[at : at + 4], at, min(following, len(data)))
        at = following


def mended(data: bytes, limits: PictureLimits) -> bytes:
    """Return the file with its container's true length; the same bytes where that is right or pixels are missing."""
    found = list(chunks(data, limits))
    while found and found[-1].kind in _METADATA and not _is_whole(data, found[-1]):
        found.pop()
    if not found or not _is_whole(data, found[-1]):
        return data
    end = found[-1].end
    content = data[8:end] + b"\0" * (end & 1)
    size = len(content).to_bytes(4, "little")
    return data if data[4:8] == size and end <= len(data) - (end & 1) else b"RIFF" + size + content


def _content(data: bytes, at: int) -> int:
    return int.from_bytes(data[at + 4 : at + 8], "little")


def _is_whole(data: bytes, chunk: Chunk) -> bool:
    return chunk.start + 8 + _content(data, chunk.start) <= len(data)


def read(data: bytes, limits: PictureLimits) -> Header:
    """Return the size; raises PictureError `image.too_complex`, ValueError without a size."""
    frames = sum(chunk.kind == b"ANMF" for chunk in chunks(data, limits))
    width, height = _size(data)
    return Header(width, height, _BYTES_PER_PIXEL, warnings=first_frame("webp", frames))


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

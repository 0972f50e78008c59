"""PNG: its chunks (W3C PNG, section 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers.inference.headers.types import Chunk, Header, PartCount, PictureLimits, first_frame

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNATURE_BYTES = 8
_COMPRESSED = (b"iCCP", b"zTXt", b"iTXt")
_COMPRESSED_MAX = 100
"""Chunks whose content is unpacked, up to a megabyte each: 18 MB of them take 38 s."""

_BYTES_PER_PIXEL, _BYTES_PER_PIXEL_ALPHA, _BYTES_PER_PIXEL_WIDE = 6, 10, 10
_ALPHA_TYPES = (3, 4, 6)


def chunks(data: bytes, limits: PictureLimits) -> Iterator[Chunk]:
    """Yield the chunks with their checksums up to IEND; the last of a file that ends early is shorter than it says."""
    parts, at = PartCount("png", limits.max_parts), _SIGNATURE_BYTES
    while at + 8 <= len(data):
        parts.add()
        kind = data[at + 4 : at + 8]
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        yield Chunk(kind, at, min(end, len(data)))
        if kind == b"IEND":
            return
        at = end


def read(data: bytes, limits: PictureLimits) -> Header:
    """Return the size; raises PictureError `image.too_complex`, ValueError without a size."""
    compressed, frames = PartCount("png", _COMPRESSED_MAX, "compressed texts and profiles"), 1
    for chunk in chunks(data, limits):
        if chunk.kind in _COMPRESSED:
            compressed.add()
        elif chunk.kind == b"acTL":
            frames = int.from_bytes(data[chunk.start + 8 : chunk.start + 12], "big")
    if data[12:16] != b"IHDR" or len(data) < 33:
        raise ValueError("no IHDR")
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    per_pixel = _bytes_per_pixel(depth=data[24], colour=data[25])
    return Header(width, height, per_pixel, warnings=first_frame("png", frames))


def without(data: bytes, kind: bytes, limits: PictureLimits) -> bytes:
    """Return the file without the chunks of a kind; the same bytes where it has none."""
    if kind not in data:
        return data
    found = [chunk for chunk in chunks(data, limits) if chunk.kind == kind]
    starts, ends = [chunk.start for chunk in found], [0, *(chunk.end for chunk in found)]
    return b"".join(data[end:start] for end, start in zip(ends, [*starts, len(data)], strict=True))


def _bytes_per_pixel(*, depth: int, colour: int) -> int:
    if colour in _ALPHA_TYPES:
        return _BYTES_PER_PIXEL_ALPHA
    return _BYTES_PER_PIXEL_WIDE if depth == 16 else _BYTES_PER_PIXEL

"""PNG: keep the chunks that decoding needs, and those that say what the colours mean."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from workers.inference.headers import orientation
from workers.inference.headers.png import chunks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workers.inference.headers.types import Chunk, PictureLimits

_KEPT = frozenset({
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS",
    b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"mDCV", b"cLLI", b"sBIT", b"bKGD", b"pHYs",
    b"acTL", b"fcTL", b"fdAT",
})  # fmt: skip
"""The last three make it an animation."""
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_TEXT_BYTES_MAX = 1 << 20


def strip(data: bytes, limits: PictureLimits) -> bytes:
    """Return the file without texts, EXIF, times and chunks that nobody knows."""
    found = list(chunks(data, limits))
    kept = [data[chunk.start : chunk.end] for chunk in found if chunk.kind in _KEPT]
    turned = _orientation(data, found)
    exif = [_chunk(b"eXIf", orientation.minimal_exif(turned))] if turned != 1 else []
    return b"".join([data[:8], *kept[:1], *exif, *kept[1:]])


def _orientation(data: bytes, found: Iterable[Chunk]) -> int:
    """Return what EXIF says, then EXIF as older programs store it in a text, then XMP."""
    texts, exif = {}, b""
    for chunk in found:
        body = data[chunk.start + 8 : chunk.end - 4]
        if chunk.kind == b"eXIf":
            exif = body
        elif chunk.kind in _TEXTS:
            name, _, rest = body.partition(b"\0")
            texts[name] = (chunk.kind, rest)
    hexadecimal = _text(*texts.get(b"Raw profile type exif", (b"tEXt", b"")))
    exif = exif or orientation.from_hex(hexadecimal.decode("latin-1"))
    xmp = _text(*texts.get(b"XML:com.adobe.xmp", (b"tEXt", b"")))
    return orientation.stated(exif, xmp)


def _text(kind: bytes, rest: bytes) -> bytes:
    """Return a text chunk's words; nothing for those that cannot be unpacked."""
    if kind == b"tEXt":
        return rest
    if kind == b"iTXt":
        packed, rest = rest[:1] == b"\x01", rest[2:].split(b"\0", 2)[-1]
        return _unpacked(rest) if packed else rest
    return _unpacked(rest[1:])


def _unpacked(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, _TEXT_BYTES_MAX)
    except zlib.error:
        return b""


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

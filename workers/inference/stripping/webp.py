"""WebP: keep the picture's chunks and its colour profile."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from workers.inference.headers import orientation
from workers.inference.headers.webp import chunks, mended

if TYPE_CHECKING:
    from workers.inference.headers.types import PictureLimits

_KEPT = (b"VP8X", b"ICCP", b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L")
_EXIF_FLAG, _XMP_FLAG = 0x08, 0x04
_FLAGS_AT = 8


def strip(data: bytes, limits: PictureLimits) -> bytes:
    """Return the file without EXIF, XMP and chunks that nobody knows; what follows the container is left out too."""
    data = mended(data, limits)
    found = list(chunks(data, limits))
    bodies = {chunk.kind: data[chunk.start + 8 : chunk.end] for chunk in found}
    exif, xmp = bodies.get(b"EXIF", b""), bodies.get(b"XMP ", b"")
    turned = orientation.stated(exif, xmp)
    kept = [data[chunk.start : chunk.end] for chunk in found if chunk.kind in _KEPT]
    if kept and kept[0][:4] == b"VP8X":
        kept[0] = _flagged(kept[0], exif=turned != 1)
        kept += [_chunk(b"EXIF", orientation.minimal_exif(turned))] if turned != 1 else []
    content = b"WEBP" + b"".join(kept)
    missing = 8 + int.from_bytes(data[4:8], "little") - len(data)  # a file that ends early stays one
    return mended(b"RIFF" + struct.pack("<I", len(content) + max(0, missing)) + content, limits)


def _flagged(header: bytes, *, exif: bool) -> bytes:
    """Return the VP8X chunk with its flags as the file is now."""
    flags = header[_FLAGS_AT] & ~(_EXIF_FLAG | _XMP_FLAG)
    flags |= _EXIF_FLAG if exif else 0
    return header[:_FLAGS_AT] + bytes([flags]) + header[_FLAGS_AT + 1 :]


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) & 1)

"""JPEG: keep what decoding needs, and the colour profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers.inference.headers import orientation
from workers.inference.headers.jpeg import EOI, SOS, segments

if TYPE_CHECKING:
    from workers.inference.headers.jpeg import Segment
    from workers.inference.headers.types import PictureLimits

_APP0, _APP1, _APP2, _APP14, _APP15, _COM = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF, 0xFE
_EXIF, _XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
_JFIF_BYTES = 14
"""From its name to where its preview begins: the last two are the preview's sides."""


def strip(data: bytes, limits: PictureLimits) -> bytes:
    """Return the file without application segments and comments; what follows the picture is left out too."""
    found = list(segments(data, limits))
    kept = [
        part for at, segment in enumerate(found) if (part := _kept(data, segment, _next(data, found, at)))
    ]
    exif = _orientation(data, found)
    first = 1 if kept and kept[0][1] == _APP0 else 0  # JFIF comes first
    return b"".join([data[:2], *kept[:first], *exif, *kept[first:]])


def _next(data: bytes, found: list[Segment], at: int) -> int:
    """Return where the segment after this one begins."""
    return found[at + 1].start if at + 1 < len(found) else len(data)


def _kept(data: bytes, segment: Segment, following: int) -> bytes | None:
    """Return the segment as it is stored, a scan with its coded data; None for one that is left out."""
    whole = data[segment.start : segment.end]
    if segment.marker == SOS:
        return data[segment.start : following]
    if segment.marker == EOI or not (_APP0 <= segment.marker <= _APP15 or segment.marker == _COM):
        return whole
    if segment.marker == _APP0 and whole[4:9] == b"JFIF\0":
        return b"\xff\xe0\x00\x10" + whole[4 : 2 + _JFIF_BYTES] + b"\0\0"
    if segment.marker == _APP2 and whole[4:16] == b"ICC_PROFILE\0":
        return whole
    return whole if segment.marker == _APP14 and whole[4:9] == b"Adobe" else None


def _orientation(data: bytes, found: list[Segment]) -> list[bytes]:
    """Return an EXIF segment that says how the picture is to be turned; none where it stands upright."""
    exif, xmp = b"", b""
    for segment in found:
        body = data[segment.start + 4 : segment.end]
        if segment.marker == _APP1 and body.startswith(_EXIF):
            exif += body[len(_EXIF) :]
        elif segment.marker == _APP1 and body.startswith(_XMP):
            xmp = body
    turned = orientation.stated(exif, xmp)
    if turned == 1:
        return []
    body = _EXIF + orientation.minimal_exif(turned)
    return [b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body]

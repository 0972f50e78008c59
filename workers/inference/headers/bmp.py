"""BMP: a fixed header, and run lengths that are unpacked slowly."""

from __future__ import annotations

from workers.inference.headers.types import Header, PictureLimits, too_complex

_RUN_LENGTH = (1, 2)
_RUN_LENGTH_BYTES_MAX = 4 << 20
"""Pillow unpacks run lengths in Python: 20 MB of them take 5 s."""
_BYTES_PER_PIXEL = 9
_PIXEL_NANOSECONDS = 2
_HEADER_AT, _VERSION_5_BYTES, _EMBEDDED = 14, 124, b"DEBM"


def read(data: bytes, limits: PictureLimits) -> Header:
    """Return the size; raises PictureError `image.too_complex`."""
    if int.from_bytes(data[14:18], "little") == 12:  # OS/2's header has 16-bit numbers and no compression
        width, height = int.from_bytes(data[18:20], "little"), int.from_bytes(data[20:22], "little")
        return Header(width, height, _BYTES_PER_PIXEL, pixel_nanoseconds=_PIXEL_NANOSECONDS)
    if int.from_bytes(data[30:34], "little") in _RUN_LENGTH and len(data) > _RUN_LENGTH_BYTES_MAX:
        raise too_complex("bmp", "bytes of run lengths", len(data), _RUN_LENGTH_BYTES_MAX)
    width = int.from_bytes(data[18:22], "little", signed=True)
    height = int.from_bytes(data[22:26], "little", signed=True)
    return Header(abs(width), abs(height), _BYTES_PER_PIXEL, pixel_nanoseconds=_PIXEL_NANOSECONDS)


def colour_profile(data: bytes) -> bytes:
    """Return the ICC profile that a header of version 5 names; nothing where it names none."""
    if int.from_bytes(data[14:18], "little") < _VERSION_5_BYTES or data[70:74] != _EMBEDDED:
        return b""
    start = _HEADER_AT + int.from_bytes(data[126:130], "little")
    return data[start : start + int.from_bytes(data[130:134], "little")]

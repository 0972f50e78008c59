"""How a picture is to be turned: EXIF's tag, or XMP's where there is no EXIF. Both are hostile data of their own."""

from __future__ import annotations

import re
import struct

TAG = 0x0112
_CODES = {1: "B", 3: "H", 4: "I"}
_ENTRIES_MAX = 1000
_XMP = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')
_PREFIX = b"Exif\0\0"
VALUES = range(1, 9)


def from_exif(exif: bytes) -> int | None:
    """Return the orientation that an EXIF block names, 1 to 8; None where it names none or is broken."""
    block = exif.removeprefix(_PREFIX)
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None:
        return None
    try:
        return _in_directory(block, order)
    except struct.error:
        return None


def stated(exif: bytes, xmp: bytes) -> int:
    """Return the orientation that a file states: EXIF's, else XMP's, else 1."""
    return from_exif(exif) or from_xmp(xmp) or 1


def from_hex(text: str) -> bytes:
    """Return EXIF that older programs store as hexadecimal text in a PNG; nothing for what is none."""
    try:
        return bytes.fromhex("".join(text.split("\n")[3:]))
    except ValueError:
        return b""


def from_xmp(xmp: bytes) -> int | None:
    """Return the orientation that an XMP packet names, 1 to 8."""
    found = _XMP.search(xmp)
    value = int(found[1]) if found else 0
    return value if value in VALUES else None


def minimal_exif(orientation: int) -> bytes:
    """Return a TIFF block, as EXIF has it, that says the orientation and nothing else."""
    return struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, TAG, 3, 1, orientation, 0, 0)


def _in_directory(block: bytes, order: str) -> int | None:
    (at,) = struct.unpack_from(order + "I", block, 4)
    (count,) = struct.unpack_from(order + "H", block, at)
    for start in range(at + 2, at + 2 + 12 * min(count, _ENTRIES_MAX), 12):
        tag, kind = struct.unpack_from(order + "HH", block, start)
        if tag == TAG and kind in _CODES:
            (value,) = struct.unpack_from(order + _CODES[kind], block, start + 8)
            return value if value in VALUES else None
    return None

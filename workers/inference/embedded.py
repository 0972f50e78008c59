"""What a file says of its colours, as an ICC profile: one that it holds, or one made from its numbers."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

from workers.inference.headers import bmp, gif, png
from workers.inference.headers.boxes import read_items
from workers.inference.headers.reading import UNREADABLE
from workers.inference.headers.types import PartCount
from workers.inference.icc import SRGB, CodePoints, gamma_profile
from workers.inference.profiles import PROFILE_BYTES_MAX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workers.inference.headers.types import PictureLimits

_ICC_KINDS = (b"prof", b"rICC")
_PNG_KINDS = (b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM")
_SRGB_GAMMA, _SAME_GAMMA = 1 / 2.2, 0.01


def embedded_profile(data: bytes, name: str, info: Mapping[Any, Any], limits: PictureLimits) -> bytes | None:
    """Return the profile of the picture's colours; None for sRGB, for a file that says nothing, or nonsense.

    `info` is what Pillow read of the file; it reads no profile of PNG, HEIC and AVIF as a browser would.
    """
    try:
        if name == "png":
            return _of_png(data, limits)
        if name in ("heic", "avif"):
            return _of_boxes(data, name, limits)
        if name == "gif":
            return gif.colour_profile(data, limits)
        found = bmp.colour_profile(data) if name == "bmp" else info.get("icc_profile")
    except (*UNREADABLE, zlib.error):
        return None
    return found if isinstance(found, bytes) else None


def _of_png(data: bytes, limits: PictureLimits) -> bytes | None:
    """Return the profile by the order of the W3C's PNG: cICP, iCCP, sRGB, then gamma and primaries."""
    chunks = {
        chunk.kind: data[chunk.start + 8 : chunk.end - 4]
        for chunk in png.chunks(data, limits)
        if chunk.kind in _PNG_KINDS
    }
    if b"cICP" in chunks:
        return CodePoints(chunks[b"cICP"][0], chunks[b"cICP"][1]).profile()
    if b"iCCP" in chunks:
        return _unpacked(chunks[b"iCCP"].partition(b"\0")[2][1:])
    if b"sRGB" in chunks or b"gAMA" not in chunks:
        return None
    gamma = struct.unpack(">I", chunks[b"gAMA"])[0] / 100_000
    if b"cHRM" not in chunks and abs(gamma - _SRGB_GAMMA) < _SAME_GAMMA:
        return None
    numbers = [n / 100_000 for n in struct.unpack(">8I", chunks[b"cHRM"])] if b"cHRM" in chunks else SRGB
    return gamma_profile(numbers, 1 / gamma if gamma else 0.0)


def _unpacked(packed: bytes) -> bytes | None:
    unpacker = zlib.decompressobj()
    profile = unpacker.decompress(packed, PROFILE_BYTES_MAX)
    return None if unpacker.unconsumed_tail else profile


def _of_boxes(data: bytes, name: str, limits: PictureLimits) -> bytes | None:
    """Return a whole profile where a `colr` box holds one, else that of its numbers."""
    found = read_items(data, PartCount(name, limits.max_parts)).of_picture((b"colr",))
    by_kind = {data[box.content : box.content + 4]: data[box.content + 4 : box.end] for box in found}
    for kind in _ICC_KINDS:
        if kind in by_kind:
            return by_kind[kind]
    if b"nclx" not in by_kind:
        return None
    return CodePoints(*struct.unpack_from(">HH", by_kind[b"nclx"])).profile()

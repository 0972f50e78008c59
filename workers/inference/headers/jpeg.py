"""JPEG: its segments, and the scans whose number decides how long decoding takes (ITU T.81, annex B)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workers.inference.headers.types import Header, PartCount, PictureLimits, check_scans, unsupported

if TYPE_CHECKING:
    from collections.abc import Iterator

SOI, EOI, SOS = 0xD8, 0xD9, 0xDA
_TEM = 0x01
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_FRAMES_READ = {0xC0, 0xC1, 0xC2}
"""Huffman coding: baseline, extended, progressive. Arithmetic and lossless coding are rare; no browser shows them."""

_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)
"""A marker that ends entropy-coded data: no stuffed zero, no fill byte, no restart marker."""

_SCAN_PIXELS_MIN = 4096
"""What starting a scan costs at least, in pixels."""

_BYTES_PER_PIXEL, _COEFFICIENT_BYTES = 9, 2
"""As stored and, where it has to be converted or turned, once more."""
_SCALES = (1, 2, 4, 8)
UNENDED_DECODINGS = 5
"""How often a picture without its end marker is decoded, to see that nothing of it is missing."""
_PIXEL_NANOSECONDS = 2
_COEFFICIENTS = 64


@dataclass(frozen=True)
class Segment:
    """From its marker up to where the next one is looked for; a scan's segment ends before its coded data."""

    marker: int
    start: int
    end: int


def segments(data: bytes, limits: PictureLimits) -> Iterator[Segment]:
    """Yield the segments from behind SOI up to EOI, as libjpeg finds them: what lies between them is skipped."""
    parts, at = PartCount("jpeg", limits.max_parts), 2
    while found := _MARKER.search(data, at):
        parts.add()
        start, marker = found.start(), data[found.start() + 1]
        length = 0 if marker in (SOI, EOI, _TEM) else int.from_bytes(data[start + 2 : start + 4], "big")
        at = start + 2 + length
        yield Segment(marker, start, min(at, len(data)))
        if marker == EOI:
            return


def read(data: bytes, limits: PictureLimits) -> Header:
    """Return the size; raises PictureError `image.too_complex`, `image.unsupported`, ValueError without a size."""
    frame, scanned, scans = None, 0, PartCount("jpeg", limits.max_scans_each, "scans")
    ended = False
    for segment in segments(data, limits):
        if segment.marker in _FRAMES and frame is None:
            frame = _Frame.read(data, segment)
        elif segment.marker == SOS and frame is not None:
            scans.add()
            scanned += frame.scan_pixels(data, segment)
        ended = segment.marker == EOI
    if frame is None:
        raise ValueError("no frame header")
    check_scans("jpeg", scanned, limits)
    scales = _SCALES if ended else (1,)  # whether nothing is missing can be seen at full size only
    return Header(
        frame.width, frame.height, _BYTES_PER_PIXEL, frame.held_bytes_per_pixel, scales,
        pixel_nanoseconds=_PIXEL_NANOSECONDS, scanned_pixels=scanned if ended else UNENDED_DECODINGS * scanned,
    )  # fmt: skip


def is_ended(data: bytes, limits: PictureLimits) -> bool:
    """Return whether the file has its end marker."""
    marker = 0
    for segment in segments(data, limits):
        marker = segment.marker
    return marker == EOI


def has_all_scans(data: bytes, limits: PictureLimits) -> bool:
    """Return whether the scans that begin in the file bring every bit of every component's 64 coefficients."""
    frame, wanted = None, set[tuple[int, int]]()
    for segment in segments(data, limits):
        if segment.marker in _FRAMES and frame is None:
            frame = _Frame.read(data, segment)
            wanted = {(component, n) for component in frame.shares for n in range(_COEFFICIENTS)}
        elif segment.marker == SOS:
            wanted -= _brought(data[segment.start + 4 : segment.end])
    return frame is not None and not wanted


def _brought(body: bytes) -> set[tuple[int, int]]:
    """Return the components and coefficients that a scan brings to their last bit."""
    count = body[0]
    first, last, bits = body[1 + 2 * count : 4 + 2 * count]
    if bits & 15:
        return set()
    return {(body[1 + 2 * n], at) for n in range(count) for at in range(first, min(last, 63) + 1)}


@dataclass(frozen=True)
class _Frame:
    """A frame header: the picture's size, and for each component the share of its pixels that it holds."""

    width: int
    height: int
    shares: dict[int, float]
    progressive: bool

    @classmethod
    def read(cls, data: bytes, segment: Segment) -> _Frame:
        if segment.marker not in _FRAMES_READ:
            raise unsupported("jpeg", "arithmetic or lossless coding")
        body = data[segment.start + 4 : segment.end]
        height, width, count = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big"), body[5]
        factors = {body[6 + 3 * n]: (body[7 + 3 * n] >> 4) * (body[7 + 3 * n] & 15) for n in range(count)}
        most = max(factors.values(), default=1) or 1
        shares = {component: factor / most for component, factor in factors.items()}
        return cls(width, height, shares, progressive=segment.marker == 0xC2)

    @property
    def held_bytes_per_pixel(self) -> int:
        """The coefficients of all components, where scans build the picture up."""
        return math.ceil(_COEFFICIENT_BYTES * sum(self.shares.values())) if self.progressive else 0

    def scan_pixels(self, data: bytes, segment: Segment) -> int:
        """Return over how many pixels a scan goes, each of its components counting by its share."""
        body = data[segment.start + 4 : segment.end]
        share = sum(self.shares.get(body[1 + 2 * n], 1.0) for n in range(min(body[0], 4)))
        return max(_SCAN_PIXELS_MIN, int(self.width * self.height * share))

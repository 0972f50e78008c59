"""What the readers of all formats share: limits, what they return, and how they refuse."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from workers.inference.errors import PictureError


@dataclass(frozen=True)
class PictureLimits:
    """What a picture may cost; all of it is checked before anything is decoded.

    `max_scans` holds for a picture of `max_pixels`: a scan costs by its pixels, so a smaller one may have more, up
    to `max_scans_each`: cameras and optimisers write about ten, and a thousand of 0.8 megapixels take seconds.
    `max_parts` are segments, chunks, strips, tiles or boxes.
    """

    max_bytes: int = 32 << 20
    max_pixels: int = 64_000_000
    min_side: int = 8
    max_scans: int = 20
    max_scans_each: int = 64
    max_parts: int = 20_000


@dataclass(frozen=True)
class PictureWarning:
    """What whoever sent a picture should know of how it was read: an id, a sentence, and plain JSON values."""

    id: str
    message: str
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Header:
    """Size in pixels as stored, not turned upright, and the memory that decoding takes at its peak.

    `held_bytes_per_pixel` is what a decoder holds of the whole picture at whichever scale it decodes; `scales` are the
    divisors by which it can decode smaller. `scanned_pixels` counts a pixel once for each scan that goes over it and
    each time that the picture is decoded; each takes about `pixel_nanoseconds` of one core, as measured with
    photographs. `warnings` say what of the file is not looked at.
    """

    width: int
    height: int
    bytes_per_pixel: int
    held_bytes_per_pixel: int = 0
    scales: tuple[int, ...] = (1,)
    pixel_nanoseconds: int = 20
    scanned_pixels: int | None = None
    warnings: tuple[PictureWarning, ...] = ()

    @property
    def decoding_seconds(self) -> float:
        """About how much processor time decoding takes; the machine's pace and the picture's content may double it."""
        return (self.scanned_pixels or self.width * self.height) * self.pixel_nanoseconds / 1e9

    def decoding_bytes(self, shortest_side: int | None = None) -> int:
        """How much memory decoding takes, where possible at a scale that leaves `shortest_side`."""
        scale, shorter = 1, min(self.width, self.height)
        if shortest_side is not None:
            scale = max((by for by in self.scales if shorter // by >= shortest_side), default=1)
        per_pixel = self.bytes_per_pixel / scale**2 + self.held_bytes_per_pixel
        return int(self.width * self.height * per_pixel)


@dataclass(frozen=True)
class Chunk:
    """A part of a file that names its kind: from its header up to where the next one begins."""

    kind: bytes
    start: int
    end: int


def check_scans(name: str, scanned: int, limits: PictureLimits) -> None:
    """Raise `image.too_complex` for more pixels in all scans together than decoding may go over."""
    most = limits.max_scans * limits.max_pixels
    if scanned > most:
        raise too_complex(name, "megapixels in all its scans", scanned // 10**6, most // 10**6)


def first_frame(name: str, count: int) -> tuple[PictureWarning, ...]:
    """Return the warning of an animation; none for a single frame."""
    message = "The picture is animated: only its first frame was used."
    return (PictureWarning("image.animated", message, {"format": name}),) if count > 1 else ()


def first_page(name: str, count: int) -> tuple[PictureWarning, ...]:
    """Return the warning of a file with several pages; none for a single one."""
    message = "The picture has several pages: only the first was used."
    return (PictureWarning("image.several_pages", message, {"format": name}),) if count > 1 else ()


def too_complex(name: str, what: str, found: int, limit: int) -> PictureError:
    """Return the error for a file that would take far longer to decode than its size lets expect."""
    return PictureError("image.too_complex", format=name, what=what, found=found, limit=limit)


def unsupported(name: str, how: str) -> PictureError:
    """Return the error for a way of storing pixels that is not read here."""
    return PictureError("image.unsupported", format=name, how=how)


class PartCount:
    """Counts the parts that a walk meets; raises `image.too_complex` beyond the limit."""

    def __init__(self, name: str, limit: int, what: str = "parts") -> None:
        self._name, self._limit, self._what = name, limit, what
        self.count = 0

    def add(self, count: int = 1) -> None:
        """Count some more."""
        self.count += count
        if self.count > self._limit:
            raise too_complex(self._name, self._what, self.count, self._limit)

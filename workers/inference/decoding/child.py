"""The child's side: decodes one picture after another. Runs in a sandboxed process."""

from __future__ import annotations

import math
import resource
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from workers.inference.framing import Framing
from workers.inference.headers.types import PictureLimits
from workers.inference.manifest import ImageSpec
from workers.inference.pictures import (
    Opened,
    framed,
    open_checked,
    preview_jpeg,
    shortest_side_of,
    shrunk,
    to_pixels,
    turned,
    with_end,
)
from workers.inference.probes import probe_pictures

if TYPE_CHECKING:
    from PIL import Image
    from typing_extensions import Buffer

    Answer = tuple[dict[str, Any], list[Buffer]]

PLACE = f"{__name__}:PictureHandler"
_WARM_PX = 320


class PictureHandler:
    """One method for each thing that workers want of a picture; see `pool.Decoders`."""

    def __init__(self, limits: dict[str, Any], processor_seconds: int) -> None:
        self._limits = PictureLimits(**limits)
        self._seconds = processor_seconds
        self._opened(preview_jpeg(probe_pictures(1)[0], _WARM_PX), None)  # brings in the codecs

    def hello(self) -> dict[str, Any]:
        """Return nothing: there is nothing to tell."""
        return {}

    def prepare(self, head: dict[str, Any], payload: memoryview) -> Answer:
        """Return the encoder's input by `spec` of what `framing` leaves, and behind it a copy of at most `preview_px`.

        The copy is of the whole picture, turned.
        """
        spec, longest, framing = _spec(head["spec"]), head["preview_px"], Framing.of(head["framing"])
        data = self._start(payload)
        opened = self._opened(data, framing.shortest_side(shortest_side_of(spec)))
        pixels = to_pixels(framed(opened, framing, self._limits.min_side), spec)
        small = turned(self._small(data, opened, longest), framing.turn) if longest else None
        parts: list[Buffer] = [pixels.data]
        if small is not None:
            parts.append(small.tobytes())
        return _about(opened, small) | {"shape": pixels.shape}, parts

    def picture(self, head: dict[str, Any], payload: memoryview) -> Answer:
        """Return the whole picture, or a JPEG at its own scale by `shortest_side`."""
        opened = self._opened(self._start(payload), head["shortest_side"])
        return _about(opened, opened.image), [opened.image.tobytes()]

    def thumbnail(self, head: dict[str, Any], payload: memoryview) -> Answer:
        """Return a copy of at most `longest_side`."""
        longest = head["longest_side"]
        small = shrunk((opened := self._opened(self._start(payload), longest)).image, longest)
        return _about(opened, small), [small.tobytes()]

    def _start(self, payload: memoryview) -> bytes:
        """Let this process end when the picture takes more processor time than it may, and return its whole file."""
        allowed = math.ceil(time.process_time() + self._seconds)
        resource.setrlimit(resource.RLIMIT_CPU, (allowed, resource.getrlimit(resource.RLIMIT_CPU)[1]))
        data = bytes(payload)  # the shared ones could change while they are read
        return with_end(data, self._limits)

    def _opened(self, data: bytes, shortest_side: int | None) -> Opened:
        """Decode; the parent has read the header, to know how much memory that takes."""
        return open_checked(data, shortest_side=shortest_side, limits=self._limits)

    def _small(self, data: bytes, opened: Opened, longest: int) -> Image.Image:
        """Shrink the picture; one that was decoded smaller than that for the encoder is decoded again."""
        picture = opened.image
        if max(picture.size) < min(longest, max(opened.size)):
            picture = self._opened(data, max(1, longest * min(picture.size) // max(picture.size))).image
        return shrunk(picture, longest)


def options(limits: PictureLimits, processor_seconds: int) -> dict[str, Any]:
    """Return what the handler is made with, as plain JSON values."""
    return {"limits": asdict(limits), "processor_seconds": processor_seconds}


def _spec(given: dict[str, Any]) -> ImageSpec:
    return ImageSpec(**{**given, "mean": tuple(given["mean"]), "std": tuple(given["std"])})


def _about(opened: Opened, image: Image.Image | None) -> dict[str, Any]:
    return {"size": opened.size, "image": image.size if image else None}

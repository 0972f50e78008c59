"""`Decoders`: what the threads of a worker share to have pictures decoded."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from workers.inference.decoding import child
from workers.inference.decoding.budget import Budget, BudgetTimeoutError
from workers.inference.decoding.crew import Crew, CrewTimeoutError
from workers.inference.decoding.types import DecodingLimits, Prepared, Thumbnail
from workers.inference.errors import PictureError
from workers.inference.headers.reading import read_header
from workers.inference.pictures import shortest_side_of
from workers.inference.sandbox.errors import (
    SandboxDiedError,
    SandboxError,
    SandboxMemoryError,
    SandboxTimeoutError,
)
from workers.inference.sandbox.process import SandboxSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workers.inference.headers.types import Header
    from workers.inference.manifest import ImageSpec
    from workers.inference.sandbox.process import SandboxProcess

log = logging.getLogger(__name__)
_DEFAULT = DecodingLimits()
_TEN_CROPS, _FLOAT_BYTES, _CHANNELS = 10, 4, 3
_OUT_OF_TIME = ("SIGXCPU",)
_OUT_OF_MEMORY = ("SIGKILL",)


class Decoders:
    """Sandboxed processes that decode pictures. Threads share them; one bad picture harms no other.

    All methods raise PictureError: what `headers.reading.read_header` refuses, `image.truncated` and its kin of
    what cannot be decoded, `image.timeout`, `image.memory` and `image.crashed` where the process had to be ended, and
    `image.busy` where too much else is being decoded. `within_seconds` is how long the caller can still use an answer.
    """

    def __init__(self, limits: DecodingLimits = _DEFAULT) -> None:
        self.limits = limits
        self.budget = Budget(limits.memory_bytes)
        self._crew = Crew(_sandbox(limits), limits.processes)

    def prepared(
        self, data: bytes, spec: ImageSpec, *, preview_px: int = 0, within_seconds: float | None = None
    ) -> Prepared:
        """Return the encoder's input for the picture and, with `preview_px`, a small copy of it."""
        numbers = _CHANNELS * spec.size**2 * (_TEN_CROPS if spec.crop == "ten" else 1)
        head = {"spec": asdict(spec), "preview_px": preview_px}
        most = numbers * _FLOAT_BYTES + _CHANNELS * preview_px**2
        with self._process(data, shortest_side_of(spec), within_seconds) as call:
            answer, payload = call("prepare", head, most)
            pixels = np.frombuffer(payload, np.float32, numbers).reshape(answer["shape"])
            small = _image(answer["image"], payload[numbers * _FLOAT_BYTES :]) if answer["image"] else None
            return Prepared(pixels, small, _pair(answer["size"]), call.header.warnings)

    def picture(
        self, data: bytes, *, shortest_side: int | None = None, within_seconds: float | None = None
    ) -> Image.Image:
        """Return the upright RGB picture, see `pictures.open_picture`."""
        head, most = {"shortest_side": shortest_side}, _CHANNELS * self.limits.picture.max_pixels
        with self._process(data, shortest_side, within_seconds) as call:
            answer, payload = call("picture", head, most)
            return _image(answer["image"], payload)

    def thumbnail(self, data: bytes, longest_side: int, *, within_seconds: float | None = None) -> Thumbnail:
        """Return a copy whose longer side is at most `longest_side`, and the picture's upright size."""
        with self._process(data, longest_side, within_seconds) as call:
            answer, payload = call("thumbnail", {"longest_side": longest_side}, _CHANNELS * longest_side**2)
            return Thumbnail(_image(answer["image"], payload), _pair(answer["size"]))

    def pids(self) -> list[int]:
        """Return the processes that stand."""
        return self._crew.pids()

    def close(self) -> None:
        """End all processes."""
        self._crew.close()

    @contextmanager
    def _process(
        self, data: bytes, shortest_side: int | None, within_seconds: float | None
    ) -> Iterator[_Call]:
        """Lend a process that decodes `data` once there is memory for it, and say what became of it."""
        header = read_header(data, self.limits.picture)
        within = self.limits.wall_seconds if within_seconds is None else within_seconds
        ends = time.monotonic() + min(self.limits.busy_seconds, within)
        try:
            with (
                self.budget.reserved(header.decoding_bytes(shortest_side), ends - time.monotonic()),
                self._crew.borrowed(ends - time.monotonic()) as process,
            ):
                yield _Call(process, data, header, min(self.limits.wall_seconds, within))
        except (BudgetTimeoutError, CrewTimeoutError) as error:
            raise _busy(self.limits.busy_seconds) from error
        except SandboxError as error:
            raise self._failed(error) from error
        except (ValueError, TypeError, KeyError) as error:
            log.exception("A decoder's answer makes no sense")
            raise _crashed("nonsense") from error

    def _failed(self, error: SandboxError) -> PictureError:
        reason = error.reason if isinstance(error, SandboxDiedError) else ""
        if isinstance(error, SandboxTimeoutError) or reason in _OUT_OF_TIME:
            message = "Reading the picture took longer than is allowed, and was stopped."
            return PictureError("image.timeout", message, {"limit_seconds": self.limits.processor_seconds})
        if isinstance(error, SandboxMemoryError) or reason in _OUT_OF_MEMORY:
            return PictureError("image.memory", "Reading the picture takes more memory than is allowed.")
        log.error("A picture ended its decoder: %s", error)
        return _crashed(reason or "defect")


class _Call:
    """One process with one picture's bytes."""

    def __init__(self, process: SandboxProcess, data: bytes, header: Header, seconds: float) -> None:
        self._process, self._data, self._seconds = process, data, seconds
        self.header = header

    def __call__(self, method: str, head: dict[str, Any], reply_bytes: int) -> tuple[dict[str, Any], bytes]:
        """Let the process do `method`; return its head and payload."""
        return self._process.call(
            method, head, [self._data], reply_bytes=reply_bytes, timeout_seconds=self._seconds
        )


def _sandbox(limits: DecodingLimits) -> SandboxSpec:
    return SandboxSpec(
        child.PLACE,
        child.options(limits.picture, limits.processor_seconds),
        memory_bytes=limits.process_memory_bytes,
        threads=1,
    )


def _image(size: Any, payload: bytes) -> Image.Image:
    """Return the picture whose pixels a process sent; raises ValueError where they are too few or too many."""
    width, height = _pair(size)
    if width * height * _CHANNELS != len(payload):
        raise ValueError("a picture of another size than its pixels")
    return Image.frombytes("RGB", (width, height), payload)


def _pair(size: Any) -> tuple[int, int]:
    width, height = (int(side) for side in size)
    return width, height


def _busy(seconds: float) -> PictureError:
    message = "Too many large pictures are being read at the moment. Try again in a few seconds."
    return PictureError("image.busy", message, {"retry_after_seconds": max(1, round(seconds / 2))})


def _crashed(reason: str) -> PictureError:
    message = "The picture made the process crash that was to read it."
    return PictureError("image.crashed", message, {"reason": reason})

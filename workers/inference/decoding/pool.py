"""`Decoders`: what the threads of a worker share to have pictures decoded."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from workers.inference.decoding import child
from workers.inference.decoding.budget import BudgetTimeoutError
from workers.inference.decoding.crew import CrewTimeoutError
from workers.inference.decoding.lane import Call, Lane, LaneFullError
from workers.inference.decoding.types import (
    SLOW_NICENESS,
    SLOW_WAITING_MAX,
    DecodingLimits,
    PreparedPicture,
    Thumbnail,
)
from workers.inference.errors import PictureError
from workers.inference.framing import WHOLE
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

    from workers.inference.framing import Framing
    from workers.inference.headers.types import Header
    from workers.inference.manifest import ImageSpec

log = logging.getLogger(__name__)
_DEFAULT = DecodingLimits()
_TEN_CROPS, _FLOAT_BYTES, _CHANNELS = 10, 4, 3
_OUT_OF_TIME = ("SIGXCPU",)


class Decoders:
    """Sandboxed processes that decode pictures. Threads share them; one bad picture harms no other.

    All methods raise PictureError: what `headers.reading.read_header` refuses, `image.truncated` and its kin of
    what cannot be decoded, `image.timeout` and `image.memory` beyond the limits, `image.crashed` where the process
    ended, and `image.busy` where too much else is being decoded. `within_seconds` is how long the caller can still use
    an answer.
    """

    def __init__(self, limits: DecodingLimits = _DEFAULT) -> None:
        self.limits = limits
        self.quick = Lane(_sandbox(limits), limits.processes, limits.lane_memory_bytes, None)
        self._slow: Lane | None = None
        self._lock = threading.Lock()

    def prepared(
        self,
        data: bytes,
        spec: ImageSpec,
        *,
        framing: Framing = WHOLE,
        preview_px: int = 0,
        within_seconds: float | None = None,
    ) -> PreparedPicture:
        """Return the encoder's input for what `framing` leaves of the picture.

        With `preview_px`, a small copy of the whole picture comes with it, turned.
        """
        numbers = _CHANNELS * spec.size**2 * (_TEN_CROPS if spec.crop == "ten" else 1)
        head = {"spec": asdict(spec), "framing": asdict(framing), "preview_px": preview_px}
        call = Call("prepare", head, data, numbers * _FLOAT_BYTES + _CHANNELS * preview_px**2)
        shortest_side = framing.shortest_side(shortest_side_of(spec))
        with self._called(call, shortest_side, within_seconds) as (header, answer, payload):
            pixels = np.frombuffer(payload, np.float32, numbers).reshape(answer["shape"])
            small = _image(answer["image"], payload[numbers * _FLOAT_BYTES :]) if answer["image"] else None
            return PreparedPicture(pixels, small, _pair(answer["size"]), header.warnings)

    def picture(
        self, data: bytes, *, shortest_side: int | None = None, within_seconds: float | None = None
    ) -> Image.Image:
        """Return the upright RGB picture, see `pictures.open_picture`."""
        head, most = {"shortest_side": shortest_side}, _CHANNELS * self.limits.picture.max_pixels
        call = Call("picture", head, data, most)
        with self._called(call, shortest_side, within_seconds) as (_, answer, payload):
            return _image(answer["image"], payload)

    def thumbnail(self, data: bytes, longest_side: int, *, within_seconds: float | None = None) -> Thumbnail:
        """Return a copy whose longer side is at most `longest_side`, and the picture's upright size."""
        call = Call("thumbnail", {"longest_side": longest_side}, data, _CHANNELS * longest_side**2)
        with self._called(call, longest_side, within_seconds) as (_, answer, payload):
            return Thumbnail(_image(answer["image"], payload), _pair(answer["size"]))

    def pids(self) -> list[int]:
        """Return the processes that stand."""
        return [pid for lane in self._lanes() for pid in lane.pids()]

    def close(self) -> None:
        """End all processes."""
        for lane in self._lanes():
            lane.close()

    def _lanes(self) -> list[Lane]:
        return [lane for lane in (self.quick, self._slow) if lane is not None]

    def _lane(self, header: Header, shortest_side: int | None) -> Lane:
        """Return where a picture is decoded; the lane for slow ones is made when the first of them comes."""
        if not self.limits.is_slow(header, shortest_side):
            return self.quick
        with self._lock:
            if self._slow is None:
                self._slow = _slow_lane(self.limits)
            return self._slow

    @contextmanager
    def _called(
        self, call: Call, shortest_side: int | None, within_seconds: float | None
    ) -> Iterator[tuple[Header, dict[str, Any], bytes]]:
        """Let a process decode once there is memory for it; say what became of it, or that its answer is none.

        Yields what the file's header says, and the answer's head and payload.
        """
        header = read_header(call.data, self.limits.picture)
        within = self.limits.wall_seconds if within_seconds is None else within_seconds
        ends = time.monotonic() + min(self.limits.busy_seconds, within)
        lane = self._lane(header, shortest_side)
        try:
            call = replace(call, seconds=min(self.limits.wall_seconds, within))
            yield header, *lane.called(call, header.decoding_bytes(shortest_side), ends)
        except (LaneFullError, BudgetTimeoutError, CrewTimeoutError) as error:
            raise _busy(self.limits.busy_seconds) from error
        except SandboxError as error:
            raise self._failed(error) from error
        except (ValueError, TypeError, KeyError) as error:
            log.exception("A decoder's answer makes no sense")
            raise _crashed("nonsense") from error

    def _failed(self, error: SandboxError) -> PictureError:
        reason = error.reason if isinstance(error, SandboxDiedError) else ""
        if isinstance(error, SandboxTimeoutError) or reason in _OUT_OF_TIME:
            return PictureError("image.timeout", limit_seconds=self.limits.processor_seconds)
        if isinstance(error, SandboxMemoryError):
            return PictureError("image.memory")
        log.error("A picture ended its decoder: %s", error)
        return _crashed(reason or "defect")


def _slow_lane(limits: DecodingLimits) -> Lane:
    processes = limits.slow_processes
    spec = replace(_sandbox(limits), niceness=SLOW_NICENESS)
    inside = None if limits.patient else processes * (1 + SLOW_WAITING_MAX)
    return Lane(spec, processes, limits.lane_memory_bytes, inside)


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
    return PictureError("image.busy", retry_after_seconds=max(1, round(seconds / 2)))


def _crashed(reason: str) -> PictureError:
    return PictureError("image.crashed", reason=reason)

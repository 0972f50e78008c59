"""The decoders of this worker process: started when the first picture comes, shared by all its threads."""

from __future__ import annotations

import atexit
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from workers.inference.decoding.pool import Decoders
    from workers.inference.decoding.types import DecodingLimits
    from workers.inference.headers.types import PictureLimits

PATIENT_SECONDS = 600.0
"""How long jobs wait for their turn: nobody looks at them, and a picture that was refused would be missing."""
PATIENT_WALL_SECONDS = 240.0
"""How long a picture of a job may take: jobs run at low priority, so its processor time is spread over long."""

_lock = threading.Lock()
_running: dict[DecodingLimits, Decoders] = {}


def decoders(*, patient: bool = False) -> Decoders:
    """Return the decoders under the limits that the operator set; `patient` ones wait for long, as jobs do."""
    from workers.inference.decoding.pool import Decoders  # brings Pillow, which web processes lack

    limits = decoding_limits()
    if patient:
        limits = replace(
            limits, patient=True, busy_seconds=PATIENT_SECONDS, wall_seconds=PATIENT_WALL_SECONDS
        )
    with _lock:
        if limits not in _running:
            _running[limits] = Decoders(limits)
        return _running[limits]


def decoders_close() -> None:
    """End the decoders of this process."""
    with _lock:
        while _running:
            _running.popitem()[1].close()


atexit.register(decoders_close)


def picture_limits() -> PictureLimits:
    """Return what a picture may be, by the settings."""
    from workers.inference.headers.types import PictureLimits

    config = settings.CONFIG
    return PictureLimits(
        max_bytes=config.picture_max_bytes,
        max_pixels=config.picture_max_pixels,
        max_scans=config.picture_max_scans,
        max_parts=config.picture_max_parts,
    )


def decoding_limits() -> DecodingLimits:
    """Return what decoding may cost, by the settings."""
    from workers.inference.decoding.types import DecodingLimits

    config = settings.CONFIG
    return DecodingLimits(
        picture=picture_limits(),
        processor_seconds=config.picture_max_seconds,
        wall_seconds=3.0 * config.picture_max_seconds,
        memory_bytes=config.picture_memory_bytes,
        busy_seconds=config.picture_busy_seconds,
        processes=config.picture_processes,
    )

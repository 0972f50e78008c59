"""The decoders of this worker process: started when the first picture comes, shared by all its threads."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from django.conf import settings

from workers.encoding.running import Running

if TYPE_CHECKING:
    from workers.inference.decoding.pool import Decoders
    from workers.inference.decoding.types import DecodingLimits
    from workers.inference.headers.types import PictureLimits

PATIENT_SECONDS = 600.0
"""How long jobs wait for their turn: nobody looks at them, and a picture that was refused would be missing."""
PATIENT_WALL_SECONDS = 240.0
"""How long a picture of a job may take: jobs run at low priority, so its processor time is spread over long."""


def _start(limits: DecodingLimits) -> Decoders:
    from workers.inference.decoding.pool import Decoders  # brings Pillow, which web processes lack

    return Decoders(limits)


DECODERS = Running(_start)


def decoders(*, patient: bool = False) -> Decoders:
    """Return the decoders under the limits that the operator set; `patient` ones wait for long, as jobs do."""
    limits = decoding_limits()
    if patient:
        limits = replace(
            limits, patient=True, busy_seconds=PATIENT_SECONDS, wall_seconds=PATIENT_WALL_SECONDS
        )
    return DECODERS.under(limits)


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

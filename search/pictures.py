"""Decoding documents' pictures in jobs, under the limits that the operator set: always in the worker's decoders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers.encoding.decoders import decoders
from workers.inference.framing import WHOLE

if TYPE_CHECKING:
    from workers.inference.decoding.types import PreparedPicture, Thumbnail
    from workers.inference.framing import Framing
    from workers.inference.manifest import ImageSpec


def picture_prepared(
    data: bytes, spec: ImageSpec, *, framing: Framing = WHOLE, preview_px: int = 0
) -> PreparedPicture:
    """Return what an encoder takes of the picture in `data`; see `Decoders` for its errors."""
    return decoders(patient=True).prepared(data, spec, framing=framing, preview_px=preview_px)


def picture_thumbnail(data: bytes, longest_side: int) -> Thumbnail:
    """Return a small copy of the picture in `data`, and its upright size; see `Decoders` for its errors."""
    return decoders(patient=True).thumbnail(data, longest_side)

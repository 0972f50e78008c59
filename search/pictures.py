"""Decoding documents' pictures in workers, under the limits that the operator set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from PIL.Image import Image


def picture_open(data: bytes, *, shortest_side: int | None = None) -> Image:
    """Return the upright RGB picture in `data`; see `workers.inference.pictures.open_picture` for its errors."""
    from workers.inference.pictures import (  # brings Pillow, which web processes lack
        PictureLimits,
        open_picture,
    )

    config = settings.CONFIG
    limits = PictureLimits(max_bytes=config.picture_max_bytes, max_pixels=config.picture_max_pixels)
    return open_picture(data, shortest_side=shortest_side, limits=limits)

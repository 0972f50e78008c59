"""The one door: a file's bytes to what its header says, or the reason why it is not decoded."""

from __future__ import annotations

import struct
from functools import partial
from typing import TYPE_CHECKING

from workers.inference.errors import PictureError
from workers.inference.headers import bmp, boxes, gif, jpeg, png, tiff, webp
from workers.inference.headers.types import PictureLimits
from workers.inference.sniff import FORMATS, HEADER_BYTES, sniff_format

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.inference.headers.types import Header

DEFAULT_LIMITS = PictureLimits()
_READERS: dict[str, Callable[[bytes, PictureLimits], Header]] = {
    "jpeg": jpeg.read,
    "png": png.read,
    "gif": gif.read,
    "webp": webp.read,
    "bmp": bmp.read,
    "tiff": tiff.read,
    "heic": partial(boxes.read, name="heic"),
    "avif": partial(boxes.read, name="avif"),
}
UNREADABLE = (struct.error, ValueError, IndexError, KeyError, OverflowError)
"""What reading a damaged structure ends in."""


def check_bytes(data: bytes, limits: PictureLimits) -> str:
    """Return the format; raises PictureError `image.empty`, `image.too_large`, `image.unknown_format`."""
    if not data:
        raise PictureError("image.empty")
    if len(data) > limits.max_bytes:
        raise PictureError("image.too_large", bytes=len(data), limit_bytes=limits.max_bytes)
    name = sniff_format(data[:HEADER_BYTES])
    if name is None:
        raise PictureError("image.unknown_format", formats=list(FORMATS))
    return name


def read_header(data: bytes, limits: PictureLimits = DEFAULT_LIMITS) -> Header:
    """Return what the file says of itself, within the limits.

    Raises PictureError as `check_bytes` and `check_size` do, `image.too_complex` and `image.unsupported` for what
    would be decoded slowly, `image.truncated` for what makes no sense.
    """
    name = check_bytes(data, limits)
    try:
        header = _READERS[name](data, limits)
    except UNREADABLE as error:
        raise truncated(name) from error
    check_size((header.width, header.height), limits)
    return header


def check_size(size: tuple[int, int], limits: PictureLimits) -> None:
    """Raise PictureError `image.too_many_pixels`, `image.too_small`."""
    width, height = size
    if width * height > limits.max_pixels:
        raise too_many_pixels(size, limits)
    if min(size) < limits.min_side:
        raise PictureError("image.too_small", width=width, height=height, limit_side=limits.min_side)


def too_many_pixels(size: tuple[int, int] | None, limits: PictureLimits) -> PictureError:
    """Return the error for a picture that is too large; `size` None where no size makes sense."""
    if size is None:
        return PictureError("image.too_many_pixels/no_size", limit_pixels=limits.max_pixels)
    width, height = size
    return PictureError("image.too_many_pixels", limit_pixels=limits.max_pixels, width=width, height=height)


def truncated(name: str) -> PictureError:
    """Return the error for a file whose content makes no sense."""
    return PictureError("image.truncated", format=name)

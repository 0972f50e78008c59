"""The one door: a picture's bytes without metadata."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from workers.inference.headers.reading import DEFAULT_LIMITS, UNREADABLE, check_bytes, truncated
from workers.inference.stripping import boxes, gif, jpeg, png, tiff, webp

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.inference.headers.types import PictureLimits

_STRIPPERS: dict[str, Callable[[bytes, PictureLimits], bytes]] = {
    "jpeg": jpeg.strip,
    "png": png.strip,
    "gif": gif.strip,
    "webp": webp.strip,
    "tiff": tiff.strip,
    "heic": partial(boxes.strip, name="heic"),
    "avif": partial(boxes.strip, name="avif"),
}
"""BMP has no place for metadata."""


def without_metadata(data: bytes, limits: PictureLimits = DEFAULT_LIMITS) -> bytes:
    """Return the picture's file without metadata; it decodes to the same pixels, turned the same way.

    The same bytes come back where there is nothing to leave out. Raises PictureError as `check_bytes` does,
    `image.too_complex` for too many parts, `image.truncated` for a structure that makes no sense.
    """
    name = check_bytes(data, limits)
    strip = _STRIPPERS.get(name)
    try:
        return data if strip is None else strip(data, limits)
    except UNREADABLE as error:
        raise truncated(name) from error


def pages_without_metadata(data: bytes, limits: PictureLimits, most: int) -> list[bytes]:
    """Return a file for each page of a scan, of any other picture one; the same page twice comes once.

    Raises PictureError `image.too_many_pages` for more than `most`, and as `without_metadata` does.
    """
    if check_bytes(data, limits) != "tiff":
        return [without_metadata(data, limits)]
    try:
        return list(dict.fromkeys(tiff.pages_apart(data, limits, most)))
    except UNREADABLE as error:
        raise truncated("tiff") from error

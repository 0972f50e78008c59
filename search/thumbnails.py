"""Small copies of documents' pictures, made by workers where a picture is decoded anyway.

The web process only reads them: it decodes no picture. A thumbnail's name follows from the picture's SHA-256, so it
needs no row; where there is none yet, the page shows the original.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from workers.storage.blobs import file_put

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.core.files.base import File
    from PIL.Image import Image

LONGEST_SIDES_PX = (320, 960)
THUMBNAIL_FOLDERS = tuple(f"thumbnails/{longest_side}" for longest_side in LONGEST_SIDES_PX)
CONTENT_TYPE = "image/jpeg"


def thumbnails_store(sha256: str, picture: Image) -> None:
    """Keep the small copies of an RGB picture, decoded and upright; nothing where they exist."""
    from workers.inference.pictures import preview_jpeg  # brings Pillow, which the web process does without

    for longest_side in LONGEST_SIDES_PX:
        name = thumbnail_name(sha256, longest_side)
        if not default_storage.exists(name):
            data = preview_jpeg(picture, longest_side)
            file_put(name, ContentFile(data), len(data), durable=False)


def thumbnails_put(sha256: str, copies: Iterable[bytes]) -> None:
    """Keep the small copies of a picture that a worker made, one JPEG for each of `LONGEST_SIDES_PX`."""
    for longest_side, data in zip(LONGEST_SIDES_PX, copies, strict=True):
        file_put(thumbnail_name(sha256, longest_side), ContentFile(data), len(data), durable=False)


def thumbnails_copy(former: str, sha256: str) -> None:
    """Let a picture have the small copies of another, whose pixels are the same."""
    for longest_side in LONGEST_SIDES_PX:
        opened = thumbnail_open(former, longest_side)
        if opened is None:
            continue
        with opened as file:
            data = file.read()
        file_put(thumbnail_name(sha256, longest_side), ContentFile(data), len(data), durable=False)


def thumbnails_delete(sha256: str) -> None:
    """Remove the small copies of a picture that is gone."""
    for longest_side in LONGEST_SIDES_PX:
        default_storage.delete(thumbnail_name(sha256, longest_side))


def thumbnail_open(sha256: str, longest_side: int) -> File[bytes] | None:
    """Open the copy of one of `LONGEST_SIDES_PX` for reading; None where nobody has made it yet."""
    try:
        opened: File[bytes] = default_storage.open(thumbnail_name(sha256, longest_side), "rb")
    except FileNotFoundError:
        return None
    return opened


def nearest_side(wanted_px: int) -> int:
    """Return the smallest kept size that is at least `wanted_px`, else the largest."""
    return next((side for side in LONGEST_SIDES_PX if side >= wanted_px), LONGEST_SIDES_PX[-1])


def thumbnail_name(sha256: str, longest_side: int) -> str:
    """Return where the storage holds the copy of one of `LONGEST_SIDES_PX`."""
    return f"thumbnails/{longest_side}/{sha256[:2]}/{sha256}.jpg"

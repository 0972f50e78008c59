"""Which files of a zip or folder are pictures: by the ends of their names, else by their first bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrieval_site.errors import AppError
from search.importers.files import DAMAGED_WHILE_READING
from workers.inference.sniff import HEADER_BYTES, sniff_format

if TYPE_CHECKING:
    from search.importers.files import Files

PICTURE_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".heic", ".heif", ".hif", ".avif", ".bmp", ".dib",
    ".tif", ".tiff", ".gif",
)  # fmt: skip


def is_picture(files: Files, name: str) -> bool:
    """Tell whether a file is a picture, or calls itself one."""
    if name.lower().endswith(PICTURE_SUFFIXES):
        return True
    try:
        with files.open(name) as file:
            return sniff_format(file.read(HEADER_BYTES)) is not None
    except (AppError, OSError, *DAMAGED_WHILE_READING):
        return False

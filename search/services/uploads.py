"""Reading uploaded pictures within limits. Only bytes are counted here: the worker decodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from retrieval_site.errors import AppError

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile


def read_picture(upload: UploadedFile[bytes]) -> bytes:
    """Return an uploaded picture's bytes, from its start; raises AppError `image.empty`, `image.too_large`."""
    limit = settings.CONFIG.picture_max_bytes
    if upload.size == 0:
        raise AppError("image.empty")
    if upload.size is None or upload.size > limit:
        raise picture_too_large(limit)
    upload.seek(0)
    content: bytes = upload.read()
    return content


def picture_too_large(limit: int) -> AppError:
    """Return the refusal of more bytes than a picture may have."""
    return AppError("image.too_large", limit_bytes=limit)

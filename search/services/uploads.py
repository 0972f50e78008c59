"""Reading uploaded pictures within limits. Only bytes are counted here: the worker decodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from retrieval_site.config import MIB
from retrieval_site.errors import AppError

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile
    from django.http import HttpRequest

FORM_MARGIN_BYTES = MIB
"""What a form may hold beside its picture."""


def read_picture(upload: UploadedFile[bytes]) -> bytes:
    """Return an uploaded picture's bytes; raises AppError `image.too_large` before reading them."""
    limit = settings.CONFIG.picture_max_bytes
    if upload.size is None or upload.size > limit:
        raise _too_large(limit)
    content: bytes = upload.read()
    return content


def refuse_large_body(request: HttpRequest) -> None:
    """Refuse by the announced length, before a form with one picture is read to disk."""
    limit = settings.CONFIG.picture_max_bytes
    announced = str(request.META.get("CONTENT_LENGTH") or "0")
    if announced.isdigit() and int(announced) > limit + FORM_MARGIN_BYTES:
        raise _too_large(limit)


def _too_large(limit: int) -> AppError:
    return AppError(
        "image.too_large",
        f"The picture has more than {limit // MIB} MiB.",
        status=413,
        detail={"max_bytes": limit},
    )

"""Reading pictures that callers send, or whose address they send. Only bytes are counted here: the worker decodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from retrieval_site.errors import AppError
from retrieval_site.rates import parse_rate
from retrieval_site.throttling import take_or_refuse
from workers.encoding.client import picture_fetched

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


def picture_of_address(address: str, caller: str) -> bytes:
    """Return the file at a picture's address, which a worker fetches; `caller` is by whom fetching is counted.

    Raises AppError `image_url.*`, `image.too_large`, `throttle.exceeded`, `encoder.unavailable`.
    """
    config = settings.CONFIG
    if not config.picture_urls:
        raise AppError("image_url.off")
    rate = parse_rate(config.throttle_picture_urls)
    if config.throttle:
        take_or_refuse(f"fetch:{caller}", rate)
    return picture_fetched(address.strip())


def picture_too_large(limit: int) -> AppError:
    """Return the refusal of more bytes than a picture may have."""
    return AppError("image.too_large", limit_bytes=limit)

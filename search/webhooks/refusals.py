"""The errors of an outgoing request in the words of a webhook's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrieval_site.errors import AppError

if TYPE_CHECKING:
    from workers.inference.errors import PictureError

_IDS = {
    "image_url.not_public": "webhook.not_public",
    "image_url.unreachable": "webhook.unreachable",
    "image_url.tls": "webhook.tls",
    "image_url.timeout": "webhook.timeout",
    "image_url.busy": "webhook.timeout",
}


def refusal(error: PictureError, seconds: float) -> AppError:
    """Return what a delivery is told of a request that came to nothing."""
    if error.id not in _IDS:
        return AppError.quoting("webhook.address_invalid", error.message, error.detail)
    return AppError(_IDS[error.id], **({"host": "the server", "limit_seconds": seconds} | error.detail))

"""The encoders of this bulk worker, loaded once and kept while they are used; each runs in a child of its own."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from retrieval_site.errors import AppError
from workers.encoding.versions import versions

if TYPE_CHECKING:
    from models_admin.models import ModelVersion
    from workers.inference.encoder import Encoder

KEPT = 2
"""The champion's and the one that is kept for rollback: documents are encoded for both in turn."""

_lock = threading.Lock()
_encoders: OrderedDict[int, Encoder] = OrderedDict()


def encoder_of(version: ModelVersion) -> Encoder:
    """Return the version's encoder; raises EncoderError or BundleError where it cannot be loaded.

    The encoder raises AppError `version.set_aside` once an input ended its process for the second time.
    """
    from workers.encoding.pool import (  # brings Pillow and NLTK, which web processes lack
        close_encoder,
        version_encoder,
    )

    with _lock:
        if version.pk not in _encoders:
            _encoders[version.pk] = version_encoder(version.pk, lambda reason: _died(version.pk, reason))
        _encoders.move_to_end(version.pk)
        while len(_encoders) > KEPT:
            close_encoder(_encoders.popitem(last=False)[1])
        return _encoders[version.pk]


def encoders_close() -> None:
    """End the encoders of this process."""
    from workers.encoding.pool import close_encoder

    with _lock:
        while _encoders:
            close_encoder(_encoders.popitem()[1])


def _died(version_id: int, reason: str) -> None:
    from workers.encoding.pool import close_encoder

    if versions().died(version_id, reason):
        if (encoder := _encoders.pop(version_id, None)) is not None:
            close_encoder(encoder)
        raise AppError("version.set_aside")

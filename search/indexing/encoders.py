"""The encoders of this bulk worker, loaded once and kept while they are used."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings

from models_admin.files import encoder_cache, version_folder
from models_admin.models import ModelVersion

if TYPE_CHECKING:
    from workers.inference.encoder import Encoder

KEPT = 2
"""The champion's and the one that is kept for rollback: documents are encoded for both in turn."""

_lock = threading.Lock()


def encoder_of(version: ModelVersion) -> Encoder:
    """Return the version's encoder; raises EncoderError or BundleError where it cannot be loaded."""
    with _lock:
        return _load(version.pk)


@lru_cache(maxsize=KEPT)
def _load(version_id: int) -> Encoder:
    from workers.inference.encoder import load_encoder

    folder = version_folder(ModelVersion.objects.get(pk=version_id))
    return load_encoder(folder, device=settings.CONFIG.device, cache=encoder_cache())

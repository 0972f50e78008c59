"""The Celery application with the tiny bundle's image encoder made as slow as a ResNet-152 on two cores.

Batches form while the encoder is busy; one that takes a fraction of a millisecond never is.
"""

from __future__ import annotations

import time

from retrieval_site.celery import app
from tests.support.kept_encoders import keep_encoders
from workers.inference.remote_encoder import RemoteEncoder

SECONDS_PER_CALL = 0.026
_encode_pixels = RemoteEncoder.encode_pixels


def _paced(self, pixels):
    time.sleep(SECONDS_PER_CALL)
    return _encode_pixels(self, pixels)


RemoteEncoder.encode_pixels = _paced
keep_encoders()

__all__ = ["app"]

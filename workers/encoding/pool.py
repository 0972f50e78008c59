"""The encoders that this process asks, for searches or for a job: loaded once, shared by its threads, a few at most.

On CPU each runs in a sandboxed child of its own, so that this process holds no uploaded graph.

For queries one thread for each version and kind of input runs the encoder, and takes what has arrived meanwhile as one
batch: simplest and fastest of what was measured, and a picture that comes alone waits for nobody. Jobs bring batches of
their own and call the encoder itself.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection

from workers.encoding.versions import versions
from workers.inference.batching import Batcher
from workers.inference.remote_encoder import EncoderOptions, RemoteEncoder, open_encoder

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from workers.inference.batching import BatchMetrics
    from workers.inference.encoder import Encoder
    from workers.inference.words import UnknownWords

    Floats = NDArray[np.float32]

log = logging.getLogger(__name__)

VERSIONS_MAX = 3
"""Champion, the one kept for rollback, and one being compared or prepared."""
LEAVING_SECONDS = 60.0
BATCH_MAX_CPU = 8
BATCH_MAX_CUDA = 32


@dataclass(frozen=True)
class Batches:
    """How many batches were run, and how many items were in them."""

    calls: int = 0
    items: int = 0

    def plus(self, more: Batches | BatchMetrics) -> Batches:
        """Return both together."""
        return Batches(self.calls + more.calls, self.items + more.items)


class LoadedModel:
    """One version's encoder with a batcher for pictures and one for texts. Safe to share between threads."""

    def __init__(self, version_id: int, encoder: Encoder) -> None:
        self.version_id = version_id
        self.encoder = encoder
        most = BATCH_MAX_CUDA if encoder.device.startswith("cuda") else BATCH_MAX_CPU
        self.pixels: Batcher[Floats, Floats] = Batcher(self._encode_pixels, most)
        self.texts: Batcher[str, tuple[Floats, UnknownWords]] = Batcher(self._encode_texts, most)

    @property
    def batches(self) -> Batches:
        """Return what the encoder has run for queries."""
        return Batches().plus(self.pixels.metrics).plus(self.texts.metrics)

    def close(self) -> None:
        """End both threads after what is already queued, then the encoder's process."""
        self.pixels.close()
        self.texts.close()
        if isinstance(self.encoder, RemoteEncoder):
            self.encoder.close()

    def _encode_pixels(self, pixels: list[Floats]) -> list[Floats]:
        return list(self.encoder.encode_pixels(np.stack(pixels)))

    def _encode_texts(self, texts: list[str]) -> list[tuple[Floats, UnknownWords]]:
        vectors, unknown = self.encoder.encode_queries(texts)
        return list(zip(vectors, unknown, strict=True))


class ModelPool:
    """The loaded versions of this process, the least recently used leaving first, but never the `pinned` one."""

    def __init__(
        self,
        load: Callable[[int], LoadedModel],
        most: int = VERSIONS_MAX,
        pinned: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._load = load
        self._most = most
        self._pinned = pinned
        self._models: OrderedDict[int, LoadedModel] = OrderedDict()
        self._left = Batches()
        self._lock = threading.Lock()
        self._loading: dict[int, threading.Lock] = {}

    def get(self, version_id: int) -> LoadedModel:
        """Return the loaded version, loading it where needed; who asks meanwhile waits for the same loading."""
        known = self._known(version_id)
        if known is not None:
            return known
        with self._lock:
            loading = self._loading.setdefault(version_id, threading.Lock())
        with loading:
            return self._known(version_id) or self._add(version_id)

    def drop(self, version_id: int) -> None:
        """Let a version go that must not be used any more."""
        with self._lock:
            leaving = self._take(version_id)
        if leaving is not None:
            _close_later(leaving)

    def close(self) -> None:
        """End all encoders now."""
        with self._lock:
            leaving = list(self._models.values())
            self._models.clear()
        for model in leaving:
            model.close()

    def loaded(self) -> list[int]:
        """Return the ids of the versions in memory."""
        with self._lock:
            return sorted(self._models)

    def batches(self) -> Batches:
        """Return what all encoders have run for queries, those that have left the memory included."""
        with self._lock:
            return reduce(Batches.plus, (model.batches for model in self._models.values()), self._left)

    def _known(self, version_id: int) -> LoadedModel | None:
        with self._lock:
            if version_id in self._models:
                self._models.move_to_end(version_id)
            return self._models.get(version_id)

    def _take(self, version_id: int) -> LoadedModel | None:
        """Take a version out; what it has run stays counted. Under the lock."""
        leaving = self._models.pop(version_id, None)
        if leaving is not None:
            self._left = self._left.plus(leaving.batches)
        return leaving

    def _add(self, version_id: int) -> LoadedModel:
        model = self._load(version_id)
        pinned = self._pinned()
        with self._lock:
            self._models[version_id] = model
            may_leave = [key for key in self._models if key not in (version_id, pinned)]
            leaving = self._take(may_leave[0]) if len(self._models) > self._most else None
        if leaving is not None:
            _close_later(leaving)
        return model


def _close_later(model: LoadedModel) -> None:
    """End a model once those who got it a moment ago have long submitted what they were preparing."""
    timer = threading.Timer(LEAVING_SECONDS, model.close)
    timer.daemon = True
    timer.start()


def load_model(version_id: int) -> LoadedModel:
    """Fetch the version's bundle where it is not on this machine yet, load and warm its encoder.

    Raises InferenceError for a bundle that cannot be loaded, LookupError for an unknown id or one set aside.
    """
    known, config = versions(), settings.CONFIG
    options = EncoderOptions(config.device, known.encoder_cache(), memory_bytes=config.encoder_memory_bytes)
    encoder = open_encoder(known.folder(version_id), options, lambda reason: _died(version_id, reason))
    return LoadedModel(version_id, encoder)


def _died(version_id: int, reason: str) -> bool:
    """Tell the registry that an input ended the version's process; a version set aside (True) leaves the pool."""
    opens = connection.connection is None  # a batcher's thread, which nobody would close it for
    close_old_connections()
    try:
        set_aside = versions().died(version_id, reason)
    except DatabaseError:
        log.exception("The death of version %s could not be noted", version_id)
        return False
    finally:
        if opens:
            connection.close()
    if set_aside:
        POOL.drop(version_id)
    return set_aside


POOL = ModelPool(load_model, pinned=lambda: versions().champion_id())

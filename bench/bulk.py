"""Encoding and storing the stock's captions for a new version, against the text encoder alone on the same captions.

Run as a module beside a running server (`python -m bench.bulk`); `bench.run` does so.
"""

from __future__ import annotations

import contextlib
import copy
import time
from typing import TYPE_CHECKING, Any

import psutil

from bench.serving import DATA_DIR, attached

attached(DATA_DIR)

from bench.measure import Report  # noqa: E402
from models_admin.services import champion  # noqa: E402
from search.indexing.encode import encode_missing  # noqa: E402
from search.indexing.encoders import encoder_of  # noqa: E402
from search.models import Passage  # noqa: E402
from search.vectors.tables import table_create, table_drop  # noqa: E402

if TYPE_CHECKING:
    from models_admin.models import ModelVersion

ALONE = 20_000
BATCH = 256
MIB = 1024 * 1024


class IndexReachedError(Exception):
    """Everything is stored; building the index is not what is measured here."""


class Watch:
    """Stands where a job's context does: counts what is stored and looks at this process's memory."""

    def __init__(self) -> None:
        self.stored = 0
        self.resident: list[int] = []

    def stage(self, name: str, total: int | None = None, **_: Any) -> None:
        """Stop before the index is built."""
        if name.startswith("index"):
            raise IndexReachedError

    def advance(self, done: int, **_: Any) -> None:
        """Count a batch."""
        self.stored += done
        self.resident.append(psutil.Process().memory_info().rss)

    def checkpoint(self) -> None:
        """Nobody pauses a benchmark."""


def main() -> None:
    """Print both rates and their ratio, and the memory's growth from the first tenth on."""
    report, running = Report(), champion()
    assert running is not None
    alone = _alone(running)
    version = _copy_of(running)
    try:
        rate, watch = _stored(version)
    finally:
        table_drop(version)
        version.delete()
    alone = (alone + _alone(running)) / 2
    report.say("text encoder alone", alone, "captions/s")
    report.say("encoded and stored", rate, "captions/s")
    report.say("encoded and stored / encoder alone", rate / alone, "×", "≥ 0.70")
    tenth = watch.resident[len(watch.resident) // 10]
    report.say("memory at the end / after the first tenth", watch.resident[-1] / tenth, "×", "~1")


def _alone(version: ModelVersion) -> float:
    texts = list(Passage.objects.order_by("pk").values_list("text", flat=True)[:ALONE])
    encoder = encoder_of(version)
    encoder.encode_texts(texts[:BATCH])
    start = time.perf_counter()
    for first in range(0, len(texts), BATCH):
        encoder.encode_texts(texts[first : first + BATCH])
    return len(texts) / (time.perf_counter() - start)


def _copy_of(version: ModelVersion) -> ModelVersion:
    twin = copy.copy(version)
    twin.pk, twin.number = None, version.number + 1
    twin.save(force_insert=True)
    table_create(twin)
    return twin


def _stored(version: ModelVersion) -> tuple[float, Watch]:
    watch: Any = Watch()
    encoder_of(version)
    start = time.perf_counter()
    with contextlib.suppress(IndexReachedError):
        encode_missing(version, watch)
    return watch.stored / (time.perf_counter() - start), watch


if __name__ == "__main__":
    main()

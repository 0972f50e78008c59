"""What is encoded: the units that have no vector yet, a batch at a time, a bad one set aside."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from search.indexing.broken import broken_units
from search.indexing.encoders import set_aside_ends_the_job
from search.units.kind import Modality, UnitBatch, UnitFailure, UnitReading
from search.units.registry import unit_kind
from search.vectors.coverage import units_missing
from workers.inference.errors import (
    EncoderDiedError,
    EncoderMemoryError,
    EncoderSetAsideError,
    EncoderUnfitError,
    InferenceError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from uuid import UUID

    from numpy.typing import NDArray

    from models_admin.models import ModelVersion
    from workers.inference.encoder import Encoder

    Floats: TypeAlias = NDArray[np.float32]

BATCH_UNITS: dict[str, dict[Modality, int]] = {
    "cpu": {"text": 256, "image": 16},
    "cuda": {"text": 2048, "image": 128},
}
"""Units in hand at any moment by the encoder's device, and so the most that is encoded again after a kill.

A batch goes through in halves: one is being written while the other is being encoded.
"""

DECODE_THREADS_MAX = 8
_WINDOWS: dict[Modality, int] = {"text": 2048, "image": 0}
"""Units read at a time, where that is more than a batch: texts are sorted by length."""
_ANY_TEXT = "photo"


@dataclass(frozen=True)
class EncodedUnits:
    """What became of a batch: vectors `(len(ids), dim)` and the units that failed."""

    ids: list[int]
    vectors: Floats
    failures: list[UnitFailure]


def batches_missing(version: ModelVersion, kind: str, encoder: Encoder, job_id: UUID) -> Iterator[UnitBatch]:
    """Yield half batches of units without a vector, ascending in windows, without those known to be broken."""
    broken, known = broken_units(version, kind, job_id), unit_kind(kind)
    size = BATCH_UNITS[encoder.device][known.modality] // 2
    window = max(size, _WINDOWS[known.modality])
    with ThreadPoolExecutor(min(DECODE_THREADS_MAX, os.cpu_count() or 1), "decoder") as threads:
        reading, after = UnitReading(encoder, size, threads), 0
        while ids := units_missing(version, kind, after_id=after, limit=window):
            after = ids[-1]
            yield from known.read([unit_id for unit_id in ids if unit_id not in broken], reading)


def encode(encoder: Encoder, modality: Modality, batch: UnitBatch) -> EncodedUnits:
    """Encode a batch; when it fails, each unit alone, so that only those that are bad are left out.

    Raises AppError `version.set_aside` where that ended the encoder's process once too often, and
    EncoderUnfitError where none could be started, or it has no memory for anything: no unit is to blame for that.
    """
    run = encoder.encode_texts if modality == "text" else _encode_pixels(encoder)
    with set_aside_ends_the_job():
        try:
            return EncodedUnits(batch.ids, _checked(run(batch.inputs)), batch.failures)
        except (EncoderSetAsideError, EncoderUnfitError):
            raise
        except InferenceError:
            return _one_by_one(run, batch, encoder.dim)


def _encode_pixels(encoder: Encoder) -> Callable[[Sequence[Any]], Floats]:
    def run(inputs: Sequence[Any]) -> Floats:
        return encoder.encode_pixels(np.stack(inputs)) if inputs else np.empty((0, encoder.dim), np.float32)

    return run


def _one_by_one(run: Callable[[Sequence[Any]], Floats], batch: UnitBatch, dim: int) -> EncodedUnits:
    ids: list[int] = []
    rows: list[Floats] = [np.empty((0, dim), np.float32)]
    failures = list(batch.failures)
    for unit_id, value in zip(batch.ids, batch.inputs, strict=True):
        try:
            rows.append(_alone(run, value))
            ids.append(unit_id)
        except (EncoderSetAsideError, EncoderUnfitError):
            raise
        except InferenceError as error:
            failures.append(UnitFailure(unit_id, error.id, error.message))
    return EncodedUnits(ids, np.concatenate(rows), failures)


def _alone(run: Callable[[Sequence[Any]], Floats], value: Any) -> Floats:
    """Encode one unit; one for which there was no memory is to blame only where there is some for another.

    Raises EncoderUnfitError where there is none.
    """
    try:
        return _checked(run([value]))
    except EncoderMemoryError:
        _require_memory(run, _ANY_TEXT if isinstance(value, str) else np.zeros_like(value))
        return _checked(run([value]))


def _require_memory(run: Callable[[Sequence[Any]], Floats], witness: Any) -> None:
    """Raise EncoderUnfitError where the encoder has no memory for this either, or its process ends by it."""
    try:
        run([witness])
    except (EncoderSetAsideError, EncoderUnfitError):
        raise
    except (EncoderMemoryError, EncoderDiedError) as error:
        raise EncoderUnfitError("encoder.memory") from error
    except InferenceError:
        return  # a model may give no vector for this: it had the memory to find that out


def _checked(vectors: Floats) -> Floats:
    """Refuse what cannot be stored; half floats end at 65,504."""
    if vectors.size and not np.abs(vectors).max() < 65_504:
        raise InferenceError("encoder.bad_output")
    return vectors

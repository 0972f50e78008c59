"""What is encoded: passages as texts, document images as pictures, a batch at a time, a bad one set aside."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from retrieval_site.errors import AppError
from search.indexing.broken import broken_units
from search.indexing.encoders import set_aside_ends_the_job
from search.models import DocumentImage, Passage
from search.pictures import picture_prepared
from search.thumbnails import LONGEST_SIDES_PX, thumbnails_store
from search.vectors.coverage import units_missing
from workers.inference.errors import EncoderError, EncoderSetAsideError, InferenceError
from workers.storage.blobs import blob_open

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from models_admin.models import ModelVersion
    from search.vectors.tables import UnitKind
    from workers.inference.decoding.types import PreparedPicture
    from workers.inference.encoder import Encoder
    from workers.inference.manifest import ImageSpec

    Floats: TypeAlias = NDArray[np.float32]

BATCH_UNITS: dict[str, dict[str, int]] = {
    "cpu": {"passage": 256, "image": 16},
    "cuda": {"passage": 2048, "image": 128},
}
"""Units in hand at any moment by the encoder's device, and so the most that is encoded again after a kill.

A batch goes through in halves: one is being written while the other is being encoded.
"""

DECODE_THREADS_MAX = 8
_WINDOWS = {"passage": 2048, "image": 0}
"""Passages read at a time and sorted by length: texts of one length in a batch cost no padding."""


@dataclass(frozen=True)
class Failure:
    """A unit that cannot be encoded, and why."""

    unit_id: int
    error_id: str
    reason: str


@dataclass(frozen=True)
class UnitBatch:
    """Units with what the encoder takes of them: texts or prepared pictures (`pictures.to_pixels`)."""

    ids: list[int]
    inputs: list[Any]
    failures: list[Failure] = field(default_factory=list)


@dataclass(frozen=True)
class Encoded:
    """What became of a batch: vectors `(len(ids), dim)` and the units that failed."""

    ids: list[int]
    vectors: Floats
    failures: list[Failure]


def batches_missing(version: ModelVersion, kind: UnitKind, encoder: Encoder) -> Iterator[UnitBatch]:
    """Yield half batches of units without a vector, ascending in windows, without those known to be broken."""
    broken = broken_units(version, kind)
    size = BATCH_UNITS[encoder.device][kind] // 2
    with ThreadPoolExecutor(min(DECODE_THREADS_MAX, os.cpu_count() or 1), "decoder") as threads:
        after = 0
        while ids := units_missing(version, kind, after_id=after, limit=max(size, _WINDOWS[kind])):
            after = ids[-1]
            wanted = [unit_id for unit_id in ids if unit_id not in broken]
            yield from _passages(wanted, size) if kind == "passage" else _pictures(wanted, encoder, threads)


def _passages(ids: list[int], size: int) -> Iterator[UnitBatch]:
    rows = list(Passage.objects.filter(pk__in=ids).values_list("pk", "text"))
    rows.sort(key=lambda row: len(row[1]))
    for chunk in (rows[start : start + size] for start in range(0, len(rows), size)):
        yield UnitBatch([unit_id for unit_id, _ in chunk], [text for _, text in chunk])


def _pictures(ids: list[int], encoder: Encoder, threads: ThreadPoolExecutor) -> Iterator[UnitBatch]:
    images = list(DocumentImage.objects.filter(pk__in=ids).select_related("blob").order_by("pk"))
    batch, spec = UnitBatch([], []), image_spec(encoder)
    for image, found in zip(images, threads.map(lambda one: _decoded(one, spec), images), strict=True):
        if isinstance(found, Failure):
            batch.failures.append(found)
        else:
            batch.ids.append(image.pk)
            batch.inputs.append(found.pixels)
            _complete(image, found)
    if images:
        yield batch


def image_spec(encoder: Encoder) -> ImageSpec:
    """Return how the encoder takes pictures; raises EncoderError `encoder.no_image` for one that takes none."""
    if encoder.manifest.image is None:
        raise EncoderError("encoder.no_image")
    return encoder.manifest.image


def _decoded(image: DocumentImage, spec: ImageSpec) -> PreparedPicture | Failure:
    """Have a picture decoded, in a thread; with a small copy where its size is not known yet."""
    try:
        with blob_open(image.blob) as file:
            preview_px = 0 if image.width else max(LONGEST_SIDES_PX)
            return picture_prepared(file.read(), spec, preview_px=preview_px)
    except (AppError, InferenceError) as error:
        return Failure(image.pk, error.id, error.message)


def _complete(image: DocumentImage, prepared: PreparedPicture) -> None:
    """Give a picture that came through the web, where none is decoded, its size and its small copies."""
    if prepared.small is not None:
        thumbnails_store(image.blob_id, prepared.small)
        width, height = prepared.size
        DocumentImage.objects.filter(pk=image.pk).update(width=width, height=height)


def encode(encoder: Encoder, kind: UnitKind, batch: UnitBatch) -> Encoded:
    """Encode a batch; when it fails, each unit alone, so that only those that are bad are left out.

    Raises AppError `version.set_aside` where that ended the encoder's process once too often.
    """
    run = encoder.encode_texts if kind == "passage" else _encode_pixels(encoder)
    with set_aside_ends_the_job():
        try:
            return Encoded(batch.ids, _checked(run(batch.inputs)), batch.failures)
        except EncoderSetAsideError:
            raise
        except InferenceError:
            return _one_by_one(run, batch, encoder.dim)


def _encode_pixels(encoder: Encoder) -> Callable[[Sequence[Any]], Floats]:
    def run(inputs: Sequence[Any]) -> Floats:
        return encoder.encode_pixels(np.stack(inputs)) if inputs else np.empty((0, encoder.dim), np.float32)

    return run


def _one_by_one(run: Callable[[Sequence[Any]], Floats], batch: UnitBatch, dim: int) -> Encoded:
    ids: list[int] = []
    rows: list[Floats] = [np.empty((0, dim), np.float32)]
    failures = list(batch.failures)
    for unit_id, value in zip(batch.ids, batch.inputs, strict=True):
        try:
            rows.append(_checked(run([value])))
            ids.append(unit_id)
        except EncoderSetAsideError:
            raise
        except InferenceError as error:
            failures.append(Failure(unit_id, error.id, error.message))
    return Encoded(ids, np.concatenate(rows), failures)


def _checked(vectors: Floats) -> Floats:
    """Refuse what cannot be stored; half floats end at 65,504."""
    if vectors.size and not np.abs(vectors).max() < 65_504:
        raise InferenceError("encoder.bad_output")
    return vectors

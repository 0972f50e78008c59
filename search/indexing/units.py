"""What is encoded: passages as texts, document images as pictures, a batch at a time, a bad one set aside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from retrieval_site.errors import AppError
from search.indexing.broken import broken_units
from search.models import DocumentImage, Passage
from search.thumbnails import LONGEST_SIDES_PX, thumbnails_store
from search.vectors.coverage import units_missing
from workers.blobs import blob_open
from workers.inference.errors import InferenceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray
    from PIL.Image import Image

    from models_admin.models import ModelVersion
    from search.vectors.tables import UnitKind
    from workers.inference.encoder import Encoder

    Floats: TypeAlias = NDArray[np.float32]

BATCH_UNITS: dict[str, int] = {"passage": 256, "image": 16}
"""What is in hand at any moment, and so the most that is encoded again after a kill."""

_HALF = {kind: size // 2 for kind, size in BATCH_UNITS.items()}
"""A batch goes through in halves: one is being written while the other is being encoded."""

WINDOW_PASSAGES = 2048
"""Passages read at a time and sorted by length: texts of one length in a batch cost no padding."""


@dataclass(frozen=True)
class Failure:
    """A unit that cannot be encoded, and why."""

    unit_id: int
    error_id: str
    reason: str


@dataclass(frozen=True)
class UnitBatch:
    """Units with what the encoder takes of them: texts or decoded pictures."""

    ids: list[int]
    inputs: list[Any]
    failures: list[Failure] = field(default_factory=list)


@dataclass(frozen=True)
class Encoded:
    """What became of a batch: vectors `(len(ids), dim)` and the units that failed."""

    ids: list[int]
    vectors: Floats
    failures: list[Failure]


def batches_missing(version: ModelVersion, kind: UnitKind) -> Iterator[UnitBatch]:
    """Yield half batches of units without a vector, ascending in windows, without those known to be broken."""
    broken = broken_units(version, kind)
    window = WINDOW_PASSAGES if kind == "passage" else _HALF[kind]
    after = 0
    while ids := units_missing(version, kind, after_id=after, limit=window):
        after = ids[-1]
        wanted = [unit_id for unit_id in ids if unit_id not in broken]
        yield from _passages(wanted) if kind == "passage" else _pictures(wanted)


def _passages(ids: list[int]) -> Iterator[UnitBatch]:
    rows = list(Passage.objects.filter(pk__in=ids).values_list("pk", "text"))
    rows.sort(key=lambda row: len(row[1]))
    size = _HALF["passage"]
    for chunk in (rows[start : start + size] for start in range(0, len(rows), size)):
        yield UnitBatch([unit_id for unit_id, _ in chunk], [text for _, text in chunk])


def _pictures(ids: list[int]) -> Iterator[UnitBatch]:
    batch = UnitBatch([], [])
    for image in DocumentImage.objects.filter(pk__in=ids).select_related("blob").order_by("pk"):
        try:
            picture = _picture(image)
        except (AppError, InferenceError) as error:
            batch.failures.append(Failure(image.pk, error.id, error.message))
        else:
            batch.ids.append(image.pk)
            batch.inputs.append(picture)
    if batch.ids or batch.failures:
        yield batch


def _picture(image: DocumentImage) -> Image:
    """Decode a picture; one that came through the web has its size and small copies made here, the first time."""
    from workers.inference.pictures import open_picture

    with blob_open(image.blob) as file:
        data = file.read()
    if image.width:
        return open_picture(data, shortest_side=min(LONGEST_SIDES_PX))
    picture = open_picture(data)
    thumbnails_store(image.blob_id, picture)
    DocumentImage.objects.filter(pk=image.pk).update(width=picture.width, height=picture.height)
    return picture


def encode(encoder: Encoder, kind: UnitKind, batch: UnitBatch) -> Encoded:
    """Encode a batch; when it fails, each unit alone, so that only those that are bad are set aside."""
    run: Callable[[Sequence[Any]], Floats] = (
        encoder.encode_texts if kind == "passage" else encoder.encode_pictures
    )
    try:
        return Encoded(batch.ids, _checked(run(batch.inputs)), batch.failures)
    except InferenceError:
        return _one_by_one(run, batch, encoder.dim)


def _one_by_one(run: Callable[[Sequence[Any]], Floats], batch: UnitBatch, dim: int) -> Encoded:
    ids: list[int] = []
    rows: list[Floats] = [np.empty((0, dim), np.float32)]
    failures = list(batch.failures)
    for unit_id, value in zip(batch.ids, batch.inputs, strict=True):
        try:
            rows.append(_checked(run([value])))
            ids.append(unit_id)
        except InferenceError as error:
            failures.append(Failure(unit_id, error.id, error.message))
    return Encoded(ids, np.concatenate(rows), failures)


def _checked(vectors: Floats) -> Floats:
    """Refuse what cannot be stored; half floats end at 65,504."""
    if vectors.size and not np.abs(vectors).max() < 65_504:
        raise InferenceError("encoder.bad_output", "The model gave a vector that is not finite.")
    return vectors

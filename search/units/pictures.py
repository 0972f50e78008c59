"""Reading units that are pictures in the blob store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrieval_site.errors import AppError
from search.pictures import picture_prepared
from search.thumbnails import LONGEST_SIDES_PX, thumbnails_store
from search.units.kind import Reader, UnitBatch, UnitFailure, UnitReading
from workers.inference.errors import EncoderError, InferenceError
from workers.storage.blobs import blob_open

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from search.models import DocumentImage, DocumentPage
    from workers.inference.decoding.types import PreparedPicture
    from workers.inference.encoder import Encoder
    from workers.inference.manifest import ImageSpec
    from workers.models import Blob


def image_spec(encoder: Encoder) -> ImageSpec:
    """Return how the encoder takes pictures; raises EncoderError `encoder.no_image` for one that takes none."""
    if encoder.manifest.image is None:
        raise EncoderError("encoder.no_image")
    return encoder.manifest.image


def pictures_of(model: type[DocumentImage] | type[DocumentPage]) -> Reader:
    """Return what reads the pictures of rows with a `blob`; of those without a `width` it notes the size."""

    def read(ids: Sequence[int], reading: UnitReading) -> Iterator[UnitBatch]:
        stored = model._default_manager.filter(pk__in=ids).select_related("blob").order_by("pk")
        rows: list[DocumentImage | DocumentPage] = list(stored)
        batch, spec = UnitBatch([], []), image_spec(reading.encoder)
        decoded = reading.threads.map(lambda row: _decoded(row, spec), rows)
        for row, found in zip(rows, decoded, strict=True):
            if isinstance(found, UnitFailure):
                batch.failures.append(found)
            else:
                batch.ids.append(row.pk)
                batch.inputs.append(found.pixels)
                _complete(row, found)
        if rows:
            yield batch

    return read


def _decoded(row: DocumentImage | DocumentPage, spec: ImageSpec) -> PreparedPicture | UnitFailure:
    """Have a picture decoded, in a thread; with a small copy where its size is not known yet."""
    blob: Blob = row.blob  # type: ignore[assignment]  # a page without one is no unit
    try:
        with blob_open(blob) as file:
            preview_px = 0 if row.width else max(LONGEST_SIDES_PX)
            return picture_prepared(file.read(), spec, preview_px=preview_px)
    except (AppError, InferenceError) as error:
        return UnitFailure(row.pk, error.id, error.message)


def _complete(row: DocumentImage | DocumentPage, prepared: PreparedPicture) -> None:
    """Give a picture that came through the web, where none is decoded, its size and its small copies."""
    if prepared.small is not None and row.blob_id:
        thumbnails_store(row.blob_id, prepared.small)
        width, height = prepared.size
        type(row)._default_manager.filter(pk=row.pk).update(width=width, height=height)

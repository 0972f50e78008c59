"""Images: the pictures of a document."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from django.urls import reverse

from retrieval_site.errors import AppError
from search.models import DocumentImage
from search.pictures import picture_prepared
from search.thumbnails import LONGEST_SIDES_PX, thumbnails_store
from search.units.kind import Shown, UnitBatch, UnitFailure, UnitKind, UnitReading
from workers.inference.errors import EncoderError, InferenceError
from workers.storage.blobs import blob_open

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workers.inference.decoding.types import PreparedPicture
    from workers.inference.encoder import Encoder
    from workers.inference.manifest import ImageSpec


@dataclass(frozen=True)
class ImageAnswer:
    """A picture of a document."""

    sha256: str
    url: str = field(metadata={"help_text": "`?w=320` gives a thumbnail"})
    width: int = field(metadata={"help_text": "pixels, upright"})
    height: int = field(metadata={"help_text": "pixels, upright"})
    alt: str = field(metadata={"allow_blank": True})

    @classmethod
    def of(cls, unit: DocumentImage) -> Self:
        """Return what the API says of a picture."""
        url = reverse("search:image", args=[unit.blob_id])
        return cls(unit.blob_id, url, unit.width, unit.height, unit.alt)


def image_spec(encoder: Encoder) -> ImageSpec:
    """Return how the encoder takes pictures; raises EncoderError `encoder.no_image` for one that takes none."""
    if encoder.manifest.image is None:
        raise EncoderError("encoder.no_image")
    return encoder.manifest.image


def _read(ids: Sequence[int], reading: UnitReading) -> Iterator[UnitBatch]:
    images = list(DocumentImage.objects.filter(pk__in=ids).select_related("blob").order_by("pk"))
    batch, spec = UnitBatch([], []), image_spec(reading.encoder)
    decoded = reading.threads.map(lambda image: _decoded(image, spec), images)
    for image, found in zip(images, decoded, strict=True):
        if isinstance(found, UnitFailure):
            batch.failures.append(found)
        else:
            batch.ids.append(image.pk)
            batch.inputs.append(found.pixels)
            _complete(image, found)
    if images:
        yield batch


def _decoded(image: DocumentImage, spec: ImageSpec) -> PreparedPicture | UnitFailure:
    """Have a picture decoded, in a thread; with a small copy where its size is not known yet."""
    try:
        with blob_open(image.blob) as file:
            preview_px = 0 if image.width else max(LONGEST_SIDES_PX)
            return picture_prepared(file.read(), spec, preview_px=preview_px)
    except (AppError, InferenceError) as error:
        return UnitFailure(image.pk, error.id, error.message)


def _complete(image: DocumentImage, prepared: PreparedPicture) -> None:
    """Give a picture that came through the web, where none is decoded, its size and its small copies."""
    if prepared.small is not None:
        thumbnails_store(image.blob_id, prepared.small)
        width, height = prepared.size
        DocumentImage.objects.filter(pk=image.pk).update(width=width, height=height)


def _itself(image: DocumentImage) -> DocumentImage:
    return image


IMAGE = UnitKind(
    name="image",
    target="images",
    model=DocumentImage,
    modality="image",
    read=_read,
    shown=Shown(ImageAnswer, "Pictures", "images", "pictures", picture=_itself, tiles=True, hits_a_page=24),
    content="blob_id",
)

"""From what was read to what is stored: pictures decoded and kept, documents saved in batches."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Protocol

from retrieval_site.errors import AppError
from search.importers.types import Record, Rejected
from search.pictures import picture_thumbnail
from search.services.document_fields import (
    ImageInput,
    check_image_count,
    check_record,
    image_stored,
    pictures_kept,
)
from search.services.documents import DocumentRecord
from search.thumbnails import LONGEST_SIDES_PX, thumbnails_store
from workers.formats.problems import Problem
from workers.inference.errors import InferenceError

if TYPE_CHECKING:
    from search.importers.types import PictureRef
    from search.models import Collection
    from search.services.document_fields import DocumentFields


class PictureSource(Protocol):
    """Pictures by the names that documents give them."""

    def picture(self, name: str) -> bytes:
        """Return a picture's bytes; raises PictureError `import.image_missing`, `image.too_large`."""
        ...


def to_document(
    record: Record, source: PictureSource, collection: Collection, *, store: bool
) -> DocumentRecord | Rejected:
    """Return the record as it is saved, its pictures decoded once as a check and (with `store`) stored.

    What is wrong with it comes back as a `Rejected`, so that one bad document never stops the others.
    """
    try:
        check_image_count(len(record.pictures))
        images = tuple(
            image for ref in record.pictures for image in _images(source, ref, collection, store=store)
        )
        check_record(record.external_id, record.fields, images)
    except (AppError, InferenceError) as error:
        return Rejected(record.where, (Problem(error.id, error.message),))
    return DocumentRecord(record.external_id, record.fields, images)


def _images(
    source: PictureSource, ref: PictureRef, collection: Collection, *, store: bool
) -> list[ImageInput]:
    """Return the picture as the document keeps it, each page of a scan as one; raises PictureError with its name."""
    data = source.picture(ref.name)
    try:
        pages = pictures_kept(data, collection)
        return [picture_stored(page, ref.alt, store=store) for page in pages]
    except InferenceError as error:
        raise error.quoting(error.id, f"“{ref.name[:200]}”: {error.message}", error.detail) from error


def picture_stored(data: bytes, alt: str, *, store: bool) -> ImageInput:
    """Decode a picture as a check and, with `store`, keep it with its small copies; raises PictureError."""
    thumbnail = picture_thumbnail(data, max(LONGEST_SIDES_PX))
    if not store:
        return ImageInput(hashlib.sha256(data).hexdigest(), *thumbnail.size, alt)
    image = image_stored(data, alt=alt, size=thumbnail.size)
    thumbnails_store(image.blob_id, thumbnail.image)
    return image


def picture_record(
    data: bytes, external_id: str, fields: DocumentFields, collection: Collection, *, store: bool
) -> DocumentRecord:
    """Return the document that a picture alone becomes. Raises PictureError and AppError as `to_document` tells."""
    images = tuple(picture_stored(page, "", store=store) for page in pictures_kept(data, collection))
    check_record(external_id, fields, images)
    return DocumentRecord(external_id, fields, images)

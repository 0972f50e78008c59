"""From what was read to what is stored: pictures decoded and kept, documents saved in batches."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Protocol

from retrieval_site.errors import AppError
from search.importers.types import Problem, Record, Rejected
from search.pictures import picture_thumbnail
from search.services.document_fields import (
    ImageInput,
    check_image_count,
    check_record,
    image_input,
    picture_kept,
)
from search.services.documents import DocumentRecord
from search.thumbnails import LONGEST_SIDES_PX, thumbnails_store
from workers.inference.errors import InferenceError

if TYPE_CHECKING:
    from search.importers.types import PictureRef
    from search.models import Collection
    from workers.inference.decoding.types import Thumbnail


class Pictures(Protocol):
    """Pictures by the names that documents give them."""

    def picture(self, name: str) -> bytes:
        """Return a picture's bytes; raises PictureError `import.image_missing`, `image.too_large`."""
        ...


def to_document(
    record: Record, source: Pictures, collection: Collection, *, store: bool
) -> DocumentRecord | Rejected:
    """Return the record as it is saved, its pictures decoded once as a check and (with `store`) stored.

    What is wrong with it comes back as a `Rejected`, so that one bad document never stops the others.
    """
    try:
        check_image_count(len(record.pictures))
        images = tuple(_image(source, ref, collection, store=store) for ref in record.pictures)
        check_record(record.external_id, record.fields, images)
    except (AppError, InferenceError) as error:
        return Rejected(record.where, (Problem(error.id, error.message),))
    return DocumentRecord(record.external_id, record.fields, images)


def _image(source: Pictures, ref: PictureRef, collection: Collection, *, store: bool) -> ImageInput:
    data = source.picture(ref.name)
    thumbnail = _thumbnail(data, ref.name)
    if not store:
        kept = picture_kept(data, collection)
        return ImageInput(hashlib.sha256(kept).hexdigest(), *thumbnail.size, ref.alt)
    image = image_input(data, collection, alt=ref.alt, size=thumbnail.size)
    thumbnails_store(image.blob_id, thumbnail.image)
    return image


def _thumbnail(data: bytes, name: str) -> Thumbnail:
    """Decode the picture as far as its small copies need; raises PictureError with the picture's name in it."""
    try:
        return picture_thumbnail(data, max(LONGEST_SIDES_PX))
    except InferenceError as error:
        raise type(error)(error.id, f"“{name[:200]}”: {error.message}", error.detail) from error

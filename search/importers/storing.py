"""From what was read to what is stored: pictures decoded and kept, documents saved in batches."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

from retrieval_site.errors import AppError
from search.importers.types import Problem, Record, Rejected
from search.pictures import picture_open
from search.services.document_fields import ImageInput, check_image_count, check_record, image_input
from search.services.documents import DocumentRecord
from search.thumbnails import LONGEST_SIDES_PX, thumbnails_store
from workers.inference.errors import InferenceError
from workers.inference.sniff import HEADER_BYTES, sniff_format

if TYPE_CHECKING:
    from PIL.Image import Image

    from search.importers.files import Files


def to_document(record: Record, files: Files, *, store: bool) -> DocumentRecord | Rejected:
    """Return the record as it is saved, its pictures decoded once as a check and (with `store`) stored.

    What is wrong with it comes back as a `Rejected`, so that one bad document never stops the others.
    """
    try:
        check_image_count(len(record.pictures))
        images = tuple(_image(files, ref.name, ref.alt, store=store) for ref in record.pictures)
        check_record(record.external_id, record.fields, images)
    except (AppError, InferenceError) as error:
        return Rejected(record.where, (Problem(error.id, error.message),))
    return DocumentRecord(record.external_id, record.fields, images)


def _image(files: Files, name: str, alt: str, *, store: bool) -> ImageInput:
    data = files.picture(name)
    picture = _decoded(data, name)
    size = _full_size(data, picture)
    if not store:
        return ImageInput(hashlib.sha256(data).hexdigest(), *size, alt)
    image = image_input(data, alt=alt, size=size)
    thumbnails_store(image.blob_id, picture)
    return image


def _decoded(data: bytes, name: str) -> Image:
    """Decode the picture as far as its small copies need; raises PictureError with the picture's name in it."""
    try:
        return picture_open(data, shortest_side=max(LONGEST_SIDES_PX))
    except InferenceError as error:
        raise type(error)(error.id, f"“{name[:200]}”: {error.message}", error.detail) from error


def _full_size(data: bytes, picture: Image) -> tuple[int, int]:
    """Return the upright size in pixels; a JPEG may have been decoded at a fraction of it."""
    if sniff_format(data[:HEADER_BYTES]) != "jpeg":
        return picture.size
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=["JPEG"]) as header:
        width, height = header.size
    turned = (width > height) != (picture.width > picture.height)
    return (height, width) if turned else (width, height)

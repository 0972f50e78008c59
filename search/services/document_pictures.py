"""Pictures that somebody sends for a document: checked by a query worker as a search's photo is, then stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.services.document_fields import check_image_count, image_stored, pictures_kept
from search.thumbnails import LONGEST_SIDES_PX, thumbnails_put
from workers.encoding.client import picture_checked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from search.models import Collection
    from search.services.document_fields import ImageInput


def document_images(sources: Sequence[Callable[[], bytes]], collection: Collection) -> list[ImageInput]:
    """Store the pictures, each page of a scan as one, and return what a document needs of them.

    Each source returns a file's bytes whenever it is asked: nothing is stored before all were decoded, and they are
    not held in memory meanwhile. Raises PictureError and AppError `image.*`, and AppError `encoder.unavailable`.
    """
    found = [_checked(read(), collection) for read in sources]
    check_image_count(sum(len(pages) for pages in found))
    images = []
    for read, checked in zip(sources, found, strict=True):
        for page, (size, copies) in zip(pictures_kept(read(), collection), checked, strict=True):
            images.append(image_stored(page, size=size))
            thumbnails_put(images[-1].blob_id, copies)
    return images


def _checked(data: bytes, collection: Collection) -> list[tuple[tuple[int, int], tuple[bytes, ...]]]:
    """Return the size and the small copies of each page."""
    answers = [picture_checked(page, LONGEST_SIDES_PX) for page in pictures_kept(data, collection)]
    return [(answer.size or (0, 0), answer.copies) for answer in answers]

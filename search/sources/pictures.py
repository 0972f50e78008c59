"""Pictures of other servers: decoded apart as those of imports are, and stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.pictures import picture_thumbnail
from search.services.document_fields import image_input
from search.thumbnails import LONGEST_SIDES_PX, thumbnails_store

if TYPE_CHECKING:
    from search.models import Collection
    from search.services.document_fields import ImageInput


def picture_stored(data: bytes, collection: Collection, *, alt: str) -> ImageInput:
    """Store a picture with its small copies; raises PictureError for one that cannot be decoded."""
    thumbnail = picture_thumbnail(data, max(LONGEST_SIDES_PX))
    stored = image_input(data, collection, alt=alt, size=thumbnail.size)
    thumbnails_store(stored.blob_id, thumbnail.image)
    return stored

"""A search that waits until the text in its photo is read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from retrieval_site.errors import AppError
from search.retrieval.types import ImagePart
from search.services.photo_text import photo_read

if TYPE_CHECKING:
    from search.retrieval.types import SearchRequest, SearchWarning


def photo_of_search_read(asked: SearchRequest) -> tuple[SearchRequest, list[SearchWarning]]:
    """Have the photo of a search read; return the search with what it says, and a warning where it was not read.

    Of several photos, it is the first that is looked for. Raises AppError `parameter.invalid` where there is none.
    """
    photos = (part for part in asked.parts if isinstance(part, ImagePart) and part.weight > 0)
    photo = next(photos, None)
    if photo is None:
        raise AppError.of_parameter("read_text", "There is no photo to read.")
    reading = photo_read(photo.picture.digest, photo.data)
    if reading.failure:
        message = f"The text in the photo was not read: {reading.failure}."
        return asked, [{"id": "text.not_read", "message": message, "detail": {}}]
    read = replace(photo, read=reading.texts)
    return replace(asked, parts=tuple(read if part is photo else part for part in asked.parts)), []

"""The text in a search's photo: read once, and kept with the search."""

from __future__ import annotations

from django.conf import settings

from search.models import QueryPart
from workers.encoding.client import upload_at_hand
from workers.inference.ocr.types import TextRead
from workers.reading.client import read_found, read_start, read_wait, read_waits
from workers.reading.wire import PhotoReading
from workers.storage.blobs import blob_open

SWITCHED_OFF = PhotoReading(failure="the operator has switched that off")


def photo_read(digest: str, data: bytes) -> PhotoReading:
    """Have a photo read and wait for it; a failure says why it was not."""
    if not settings.CONFIG.read_text:
        return SWITCHED_OFF
    read_start(digest, data)
    return read_wait(digest)


def can_be_read(part: QueryPart | None) -> bool:
    """Return whether the photo of a kept search was read or can be."""
    return bool(part and (part.text_read is not None or (settings.CONFIG.read_text and part.preview_id)))


def query_text_read(*, part: QueryPart) -> PhotoReading | None:
    """Return what the photo of a kept search says and keep it; where it is not read yet, have it read: None."""
    if part.text_read is not None:
        return PhotoReading(tuple(TextRead.of(one) for one in part.text_read))
    if not can_be_read(part):
        return SWITCHED_OFF
    name = _name(part)
    found = read_found(name)
    if found is None:
        if not read_waits(name):
            read_start(name, _photo(part))
        return None
    if not found.failure:
        part.text_read = [one.to_json() for one in found.texts]
        QueryPart.objects.filter(pk=part.pk).update(text_read=part.text_read)
    return found


def query_text_awaited(*, part: QueryPart) -> None:
    """Wait until the photo of a kept search is read, and keep what it says."""
    if query_text_read(part=part) is None and not read_wait(_name(part)).failure:
        query_text_read(part=part)


def _name(part: QueryPart) -> str:
    """Return the name of a photo's reading."""
    return part.digest or str(part.pk)


def _photo(part: QueryPart) -> bytes:
    """Return the photo's file where it is at hand, else its small copy."""
    if (upload := upload_at_hand(part.digest)) is not None:
        return upload
    if part.preview is None:
        return b""
    with blob_open(part.preview) as photo:
        data: bytes = photo.read()
    return data

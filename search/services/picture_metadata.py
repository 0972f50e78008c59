"""Freeing stored pictures of what their files say of their owners: those from before a collection was to be so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.files.base import ContentFile
from django.db import transaction

from retrieval_site.errors import AppError
from search.models import DocumentImage
from search.services.document_fields import picture_kept
from search.services.documents import document_rehash
from search.thumbnails import thumbnails_copy
from workers.inference.errors import PictureError
from workers.storage.blobs import blob_open, blob_store
from workers.storage.sweeping import blob_remove

if TYPE_CHECKING:
    from django.db.models import QuerySet


@dataclass
class Stripped:
    """How many pictures were freed of metadata, had none, and could not be read."""

    freed: int = 0
    clean: int = 0
    unreadable: int = 0


def pictures_to_strip() -> QuerySet[DocumentImage]:
    """Return the pictures in collections that keep no originals."""
    return DocumentImage.objects.filter(document__collection__keep_originals=False)


def pictures_strip(images: QuerySet[DocumentImage], *, dry_run: bool = False) -> Stripped:
    """Put files without metadata in the place of those with it, one picture at a time; vectors stay.

    What has nothing to leave out is left alone, so that this can be ended and begun again.
    """
    counts = Stripped()
    for image in images.select_related("blob", "document__collection").order_by("pk").iterator(500):
        try:
            with blob_open(image.blob) as file:
                data = file.read()
            kept = picture_kept(data, image.document.collection)
        except (AppError, PictureError):
            counts.unreadable += 1
            continue
        if kept == data:
            counts.clean += 1
            continue
        counts.freed += 1
        if not dry_run:
            _replace(image, kept)
    return counts


def _replace(image: DocumentImage, kept: bytes) -> None:
    """Let the picture be these bytes; the file that it was goes, where nothing else refers to it."""
    former = image.blob
    with transaction.atomic():
        blob = blob_store(ContentFile(kept), former.content_type)
        thumbnails_copy(former.pk, blob.pk)
        if DocumentImage.objects.filter(document=image.document_id, blob=blob).exists():
            image.delete()  # it was there twice, once with metadata and once without
        else:
            image.blob = blob
            image.save(update_fields=["blob"])
        document_rehash(image.document)
    blob_remove(former.pk)

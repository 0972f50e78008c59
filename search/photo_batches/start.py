"""Starting with many photos at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction

from models_admin.services import champion
from retrieval_site.errors import AppError
from search.job_types import SEARCH_PHOTOS, PhotosParameters
from search.models import PhotoBatch
from search.photo_batches.packing import packed
from search.retrieval.scope import scope_for
from search.services.photo_batches import BATCHES_MAX, HITS_DEFAULT, photo_batches_of
from workers.jobs.services import job_create
from workers.storage.blobs import blob_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.core.files.uploadedfile import UploadedFile

    from search.retrieval.types import Target


def photo_batch_start(
    *,
    uploads: Sequence[UploadedFile[bytes]],
    viewer: Any,
    target: Target,
    collections: Sequence[str] = (),
    hits_each: int = HITS_DEFAULT,
) -> PhotoBatch:
    """Keep the photos, a zip of them or several files, and start searching with each.

    Raises AppError of `packed` and `scope_for`, `photos.too_many_batches`, `model.none_active`.
    """
    if photo_batches_of(viewer).count() >= BATCHES_MAX:
        raise AppError("photos.too_many_batches", limit=BATCHES_MAX)
    version = champion()
    if version is None:
        raise AppError("model.none_active")
    scope_for(version, viewer, target, collections)
    with packed(uploads) as (file, name), transaction.atomic():
        batch = PhotoBatch(
            user_id=viewer.pk, name=name, upload=blob_store(file, "application/zip"), version=version,
            target=target, collections=list(collections), hits_each=hits_each,
        )  # fmt: skip
        batch.job = job_create(SEARCH_PHOTOS, PhotosParameters(batch=str(batch.pk)), owner=viewer)
        batch.save()
    return batch

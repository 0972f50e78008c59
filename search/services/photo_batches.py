"""Many photos at once: started, read by whom they belong to, deleted by them or by their age."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from retrieval_site.errors import AppError
from retrieval_site.people import account_of
from search.models import PhotoBatch
from workers.jobs.services import job_request_cancel
from workers.storage.sweeping import blob_remove_unused

if TYPE_CHECKING:
    import uuid

    from django.db.models import QuerySet

    from search.querysets import Viewer

BATCHES_MAX = 20
"""Batches that one person has at a time."""
HITS_DEFAULT, HITS_MAX = 3, 10


def photo_batches_of(viewer: Viewer) -> QuerySet[PhotoBatch]:
    """Return the batches of somebody with an account, newest first."""
    return PhotoBatch.objects.filter(user_id=account_of(viewer)).select_related("job", "version")


def own_photo_batch(batch_id: uuid.UUID, viewer: Viewer) -> PhotoBatch:
    """Return one of somebody's own batches; raises AppError `photos.not_found`."""
    batch = photo_batches_of(viewer).filter(pk=batch_id).first()
    if batch is None:
        raise AppError("photos.not_found")
    return batch


def photo_batch_delete(*, batch: PhotoBatch) -> None:
    """Delete a batch with its photos' files and what they found; a job that still works on it is cancelled."""
    with transaction.atomic():
        files = {batch.upload_id, *batch.photos.values_list("preview", flat=True)} - {None}
        if batch.job and not batch.job.is_finished:
            job_request_cancel(batch.job)
        batch.delete()
        for sha256 in files:
            blob_remove_unused(sha256)


def photo_batches_to_end() -> QuerySet[PhotoBatch]:
    """Return the batches that have had their time."""
    days = settings.CONFIG.photos_keep_days
    old = PhotoBatch.objects.filter(created_at__lt=Now() - timedelta(days=days))
    return old.order_by("created_at") if days else PhotoBatch.objects.none()


def photo_batches_expire() -> int:
    """Delete the batches that have had their time, and return how many."""
    old = list(photo_batches_to_end().select_related("job"))
    for batch in old:
        photo_batch_delete(batch=batch)
    return len(old)

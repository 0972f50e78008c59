"""Searching with every photo of a batch: decoded in the worker's decoders, encoded a few at a time, asked one by one.

Photos that are done have their row, so a run goes on behind them. One that fails is the job's failed item, with its
reason, and keeps the others from nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction

from models_admin.files import blob_on_disk
from retrieval_site.errors import AppError
from search.importers.files import ZipFiles
from search.importers.pictures import is_picture
from search.indexing.encoders import encoder_of
from search.indexing.units import BATCH_UNITS, encode
from search.models import BatchPhoto, PhotoBatch
from search.photo_batches.packing import PHOTOS_MAX
from search.pictures import picture_prepared
from search.retrieval import keep
from search.retrieval.encode import Known
from search.retrieval.runner import Asked, run
from search.retrieval.scope import scope_for
from search.retrieval.types import EncodedPart, EncodedQuery
from search.units.kind import UnitBatch
from search.units.pictures import image_spec
from workers.inference.errors import InferenceError
from workers.inference.pictures import preview_jpeg
from workers.storage.blobs import blob_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from models_admin.models import ModelVersion
    from search.importers.files import Files
    from search.job_types import PhotosParameters, PhotosResult
    from search.retrieval.types import Scope
    from workers.inference.encoder import Encoder
    from workers.jobs.context import JobRun

    PhotosRun = JobRun[PhotosParameters, PhotosResult]

PREVIEW_PX = 320
NAME_MAX = 300


def search_photos(job: PhotosRun) -> None:
    """Search with each photo of the job's batch that was not yet; raises AppError for a batch that cannot be read."""
    batch = (
        PhotoBatch.objects.select_related("version", "upload", "user").filter(pk=job.parameters.batch).first()
    )
    if batch is None:
        raise AppError("photos.not_found")
    if batch.version is None:
        raise AppError("model.not_found/deleted")
    scope = scope_for(batch.version, batch.user, batch.target, batch.collections)
    with blob_on_disk(batch.upload) as path:
        files = ZipFiles(path)
        try:
            _BatchRun(job, batch, batch.version, files, scope).all()
        finally:
            files.close()


class _BatchRun:
    """One run of one batch's job."""

    def __init__(
        self, job: PhotosRun, batch: PhotoBatch, version: ModelVersion, files: Files, scope: Scope
    ) -> None:
        self._job, self._batch, self._version, self._files, self._scope = job, batch, version, files, scope
        self._encoder: Encoder = encoder_of(version)

    def all(self) -> None:
        names = self._names()
        done = set(self._batch.photos.values_list("name", flat=True))
        failed = set() if self._job.only_failed else set(self._job.job.items.values_list("key", flat=True))
        waiting = [name for name in names if name[:NAME_MAX] not in done | failed]
        self._job.stage("search", len(names), done=len(done), failed=len(failed))
        size = BATCH_UNITS[self._encoder.device]["image"]
        for start in range(0, len(waiting), size):
            self._some(waiting[start : start + size])
            self._job.checkpoint()

    def _names(self) -> list[str]:
        names = [name for name in self._files.names() if is_picture(self._files, name)]
        if not names:
            raise AppError("photos.none")
        if len(names) > PHOTOS_MAX:
            raise AppError("photos.too_many", limit=PHOTOS_MAX)
        return names

    def _some(self, names: Sequence[str]) -> None:
        """Search with a few photos; each that is done is stored at once."""
        pixels, previews = [], {}
        for row, name in enumerate(names):
            try:
                data = self._files.picture(name)
                prepared = picture_prepared(data, image_spec(self._encoder), preview_px=PREVIEW_PX)
            except (AppError, InferenceError) as error:
                self._fail(name, error.id, error.message)
                continue
            pixels.append((row, prepared.pixels))
            previews[row] = prepared.small
        found = encode(
            self._encoder, "image", UnitBatch([row for row, _ in pixels], [each for _, each in pixels])
        )
        for failure in found.failures:
            self._fail(names[failure.unit_id], failure.error_id, failure.reason)
        for row, vector in zip(found.ids, found.vectors, strict=True):
            self._store(names[row], self._answer(vector), previews[row])

    def _answer(self, vector: NDArray[np.float32]) -> list[dict[str, Any]]:
        query = EncodedQuery(self._version, (EncodedPart("image", vector[None]),))
        wanted = self._batch.hits_each
        ranking = run(Asked(Known(query), self._scope, wanted, wanted))
        return keep.entries(ranking.documents, ranking.kind)

    @transaction.atomic
    def _store(self, name: str, answer: list[dict[str, Any]], preview: Image | None) -> None:
        blob = None if preview is None else blob_store(preview_jpeg(preview, PREVIEW_PX), "image/jpeg")
        values = {"answer": answer, "preview": blob}
        BatchPhoto.objects.update_or_create(batch=self._batch, name=name[:NAME_MAX], defaults=values)
        self._job.job.items.filter(key=name[:NAME_MAX]).delete()
        self._job.advance(1)

    def _fail(self, name: str, error_id: str, reason: str) -> None:
        self._job.item_failed(name, error_id, reason)
        self._job.advance(failed=1)

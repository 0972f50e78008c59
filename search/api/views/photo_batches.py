"""Many photos at once: the answer comes at once, the work is a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.response import Response

from search.api.base import ApiView, PageParameters, describe, page_answer
from search.api.bodies import PHOTOS
from search.api.own_answers import BatchPhotoAnswer, PhotoBatchAnswer
from search.api.pagination import page_of_batch
from search.api.parameters import CollectionsField, Parameters, ShortListField, UploadField, validated
from search.api.permissions import signed_in
from search.api.presenting import batch_photo_json, photo_batch_json
from search.api.views.search import TargetField
from search.photo_batches.packing import PHOTOS_MAX
from search.photo_batches.start import photo_batch_start
from search.photo_batches.table import photo_rows, table_download
from search.services.photo_batches import (
    HITS_DEFAULT,
    HITS_MAX,
    own_photo_batch,
    photo_batch_delete,
    photo_batches_of,
)
from search.units.passage import PASSAGE

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import StreamingHttpResponse
    from rest_framework.request import Request

    from search.models import BatchPhoto, PhotoBatch


class PhotoBatchNew(Parameters):
    """Photos, or one zip of them, and where each is searched for."""

    error_ids = {
        "photos[].empty": "image.empty",
        "photos.required": "photos.none",
        "photos.max_length": "photos.too_many",
    }

    photos = ShortListField(child=UploadField(), max_length=PHOTOS_MAX, allow_empty=False)
    collections = CollectionsField()
    target = TargetField(default=PASSAGE.target)
    limit = serializers.IntegerField(
        default=HITS_DEFAULT, min_value=1, max_value=HITS_MAX, help_text="documents for each photo"
    )


class PhotoBatchListView(ApiView):
    """The caller's batches of photos."""

    query_parameters = {"GET": PageParameters}
    members_only = True
    takes_files = True
    body_rule = PHOTOS

    @describe("photo_batches_list", {200: page_answer(PhotoBatchAnswer)}, parameters=[PageParameters])
    def get(self, request: Request) -> Response:
        """List your batches of photos, newest first."""
        rows = photo_batches_of(request.user)
        return self.page(rows, lambda batch: photo_batch_json(batch, request.user), ordering="-created_at")

    @describe("photo_batches_create", {202: PhotoBatchAnswer}, request={"multipart/form-data": PhotoBatchNew})
    def post(self, request: Request) -> Response:
        """Search with many photos, or a zip of them: 202 and the job to watch."""
        values = validated(PhotoBatchNew, request.data)
        batch = photo_batch_start(
            uploads=values["photos"],
            viewer=signed_in(request),
            target=values["target"],
            collections=values["collections"],
            hits_each=values["limit"],
        )
        headers = {"Location": reverse("api:photo-batch", args=[batch.pk])}
        return Response(photo_batch_json(batch, request.user), status=202, headers=headers)


class PhotoBatchView(ApiView):
    """One of the caller's batches."""

    members_only = True

    @describe("photo_batches_get", {200: PhotoBatchAnswer})
    def get(self, request: Request, batch_id: UUID) -> Response:
        """Show a batch of yours and how far its job is; photos that failed are the job's failed items."""
        return Response(photo_batch_json(own_photo_batch(batch_id, request.user), request.user))

    @describe("photo_batches_delete", {204: None})
    def delete(self, request: Request, batch_id: UUID) -> Response:
        """Delete a batch with its photos and what they found."""
        photo_batch_delete(batch=own_photo_batch(batch_id, request.user))
        return Response(status=204)


class BatchPhotoListView(ApiView):
    """What the photos of a batch found."""

    query_parameters = {"GET": PageParameters}
    members_only = True

    @describe("photo_batches_photos", {200: page_answer(BatchPhotoAnswer)}, parameters=[PageParameters])
    def get(self, request: Request, batch_id: UUID) -> Response:
        """List the photos of a batch by name, each with the best documents that you may see."""
        batch: PhotoBatch = own_photo_batch(batch_id, request.user)

        def presented(photos: list[BatchPhoto]) -> list[Any]:
            return [batch_photo_json(row) for row in photo_rows(batch, photos, request.user)]

        return page_of_batch(
            request, batch.photos.all(), presented, ordering="name", limit=self.query["limit"]
        )


class PhotoBatchTableView(ApiView):
    """The same as a table."""

    members_only = True

    @describe("photo_batches_table", {(200, "text/csv"): OpenApiTypes.STR})
    def get(self, request: Request, batch_id: UUID) -> StreamingHttpResponse:
        """Export what a batch found as CSV: a line for each hit of each photo, and one for each photo that failed."""
        return table_download(own_photo_batch(batch_id, request.user), request.user)

"""Many photos at once: sent together, searched with by a job, shown as a table of what each found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib import messages
from django.http import FileResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from retrieval_site.bodies import BodyRule, may_send, takes_body
from retrieval_site.database.counting import BoundedPaginator
from retrieval_site.errors import AppError
from search.models import Collection
from search.photo_batches.packing import PHOTOS_MAX
from search.photo_batches.start import photo_batch_start
from search.photo_batches.table import photo_rows, table_download
from search.services.photo_batches import (
    own_photo_batch,
    photo_batch_delete,
    photo_batches_of,
)
from search.throttling import PAGE, PICTURE
from search.units.registry import unit_kind_of
from search.views.choosing import chosen_target, target_named
from search.views.indexing import unindexed
from search.views.people import members_only
from search.views.searching import COLLECTIONS_MAX
from search.views.throttling import throttled
from search.views.tokens import tokens_count
from workers.storage.blobs import blob_open

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

PHOTOS_A_PAGE = 25


@takes_body(BodyRule("photos_max_bytes", refusal=may_send(lambda request: request.user.is_authenticated)))
@require_http_methods(["GET", "HEAD", "POST"])
@unindexed
@throttled()
@members_only
def photos(request: HttpRequest) -> HttpResponse:
    """Show the form and one's batches; start a batch with what the form holds."""
    if request.method == "POST":
        batch = photo_batch_start(
            uploads=[upload for upload in request.FILES.getlist("photos") if upload.name],
            viewer=request.user,
            target=target_named(request.POST.get("target")),
            collections=request.POST.getlist("collections")[:COLLECTIONS_MAX],
        )
        return redirect("search:photo-batch", batch.pk)
    context = {
        "batches": photo_batches_of(request.user),
        "collections": list(Collection.objects.visible_to(request.user)),
        "target": chosen_target(request),
        "chosen": [],
        "photos_max": PHOTOS_MAX,
        "chosen_max": settings.DATA_UPLOAD_MAX_NUMBER_FILES,
        "keep_days": settings.CONFIG.photos_keep_days,
    }
    return render(request, "search/photos.html", context)


@require_safe
@unindexed
@throttled(PAGE)
@members_only
def photo_batch(request: HttpRequest, batch_id: uuid.UUID) -> HttpResponse:
    """Show how far a batch is, and what its photos found."""
    batch = own_photo_batch(batch_id, request.user)
    page = BoundedPaginator(batch.photos.order_by("name"), PHOTOS_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "batch": batch,
        "job": batch.job,
        "page": page,
        "rows": photo_rows(batch, list(page.object_list), request.user),
        "failed": batch.job.items.order_by("key")[:PHOTOS_MAX] if batch.job else [],
        "looked_for": unit_kind_of(batch.target).shown.label_inside,
    }
    return render(request, "search/photo_batch.html", context)


@require_safe
@unindexed
@tokens_count
@throttled(PICTURE)
@members_only
def batch_photo(request: HttpRequest, batch_id: uuid.UUID, photo_id: int) -> HttpResponseBase:
    """Send the small copy of a photo of one's own batch."""
    photo = get_object_or_404(own_photo_batch(batch_id, request.user).photos, pk=photo_id)
    if photo.preview is None:
        raise AppError("photo.not_found")
    response = FileResponse(blob_open(photo.preview), content_type="image/jpeg")
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "private, max-age=3600"
    return response


@require_safe
@unindexed
@throttled()
@members_only
def batch_table(request: HttpRequest, batch_id: uuid.UUID) -> StreamingHttpResponse:
    """Send what a batch found as a table for spreadsheets."""
    batch = own_photo_batch(batch_id, request.user)
    return table_download(batch, request.user)


@require_POST
@throttled()
@members_only
def batch_delete(request: HttpRequest, batch_id: uuid.UUID) -> HttpResponse:
    """Delete a batch with its photos."""
    photo_batch_delete(batch=own_photo_batch(batch_id, request.user))
    messages.success(request, gettext("The photos and what they found are deleted."))
    return redirect("search:photos")

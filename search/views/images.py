"""Documents' pictures: to those who may see one of their documents, kept by browsers, never run as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.http import FileResponse, HttpResponseNotModified
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.views.decorators.http import require_safe

from retrieval_site.errors import not_found
from search.models import Document
from search.thumbnails import CONTENT_TYPE, nearest_side, thumbnail_open
from search.views.people import searchers_only
from workers.blobs import blob_open
from workers.models import Blob

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase

KEPT_SECONDS = 7 * 86_400
STAND_IN_SECONDS = 300
"""How long a browser keeps an original that stands in for a thumbnail which is not made yet."""
SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


@require_safe
@searchers_only
def image(request: HttpRequest, sha256: str) -> HttpResponseBase:
    """Send a picture as it was stored; `?w=320` or `?w=960` sends a small JPEG of it."""
    blob = _visible_blob(request, sha256)
    side = _side(request.GET.get("w", ""))
    etag = f'"{blob.sha256[:32]}-{side or "full"}"'
    if request.headers.get("If-None-Match") == etag:
        return _guarded(request, blob, HttpResponseNotModified(), etag)
    small = thumbnail_open(blob.sha256, side) if side else None
    if small is not None:
        return _guarded(request, blob, FileResponse(small, content_type=CONTENT_TYPE), etag)
    # The stand-in has no ETag of the thumbnail's: the next request must be able to get the real one.
    response = FileResponse(blob_open(blob), content_type=blob.content_type)
    return _guarded(request, blob, response, "" if side else etag)


def _visible_blob(request: HttpRequest, sha256: str) -> Blob:
    seen = Document.objects.visible_to(request.user).filter(images__blob=sha256)
    blob = Blob.objects.filter(pk=sha256, content_type__startswith="image/").first()
    if blob is None or not seen.exists():
        raise not_found("picture")
    return blob


def _side(written: str) -> int:
    """Return the kept size for the wanted width in pixels; 0 for the original."""
    return nearest_side(int(written)) if written.isascii() and written.isdigit() and len(written) < 6 else 0


def _guarded(request: HttpRequest, blob: Blob, response: HttpResponseBase, etag: str) -> HttpResponseBase:
    seconds = KEPT_SECONDS if etag else STAND_IN_SECONDS
    if _public(blob):
        patch_cache_control(response, public=True, max_age=seconds)
    else:
        patch_cache_control(response, private=True, max_age=seconds)
        patch_vary_headers(response, ["Cookie"])
    if etag:
        response["ETag"] = etag
    response["Content-Security-Policy"] = SANDBOX
    response["Content-Disposition"] = "inline"
    return response


def _public(blob: Blob) -> bool:
    if not settings.CONFIG.anonymous_search:
        return False
    return Document.objects.visible_to(None).filter(images__blob=blob).exists()

"""Documents' pictures: to people and programs who may see one of their documents now, never run as a page.

A browser keeps them and asks each time whether it still may show them: a picture's visibility can change at any
moment, and an answer that was allowed to be kept for a week would be shown for a week. "Not modified" comes after the
same check, and is a few hundred bytes. Shared caches keep none.

Where `BLOB_S3_SIGNED_SECONDS` says so, the bucket sends them instead, by addresses that are good for so long.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection
from django.http import FileResponse, HttpResponseRedirect
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from retrieval_site.database import Prepared
from retrieval_site.errors import AppError
from retrieval_site.rows import columns
from search.retrieval.scope import visible_collections
from search.throttling import PICTURE
from search.thumbnails import CONTENT_TYPE, nearest_side, thumbnail_name, thumbnail_open
from search.views.caching import etag_of, not_modified, revalidated
from search.views.people import searchers_only
from search.views.ranges import ranged
from search.views.throttling import throttled
from search.views.tokens import tokens_count
from workers.models import Blob
from workers.storage.blobs import blob_open, file_address

if TYPE_CHECKING:
    from django.core.files.base import File
    from django.http import HttpRequest, HttpResponseBase

    from retrieval_site.rows import Columns

SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


@require_safe
@tokens_count
@throttled(PICTURE)
@searchers_only
def image(request: HttpRequest, sha256: str) -> HttpResponseBase:
    """Send a picture as it was stored; `?w=320` or `?w=960` sends a small JPEG of it."""
    blob = _visible_blob(request, sha256)
    side = _side(request.GET.get("w", ""))
    if address := _address_elsewhere(blob, side):
        return _sent_there(address)
    small = thumbnail_open(blob.sha256, side) if side else None
    # The stand-in for a thumbnail has an ETag of its own: the next request must be able to get the real one.
    etag = etag_of(blob.sha256, "full" if small is None else side)
    response = not_modified(request, etag) or _file(blob, small)
    revalidated(response, etag)
    response["Content-Security-Policy"] = SANDBOX
    response["Content-Disposition"] = "inline"
    return ranged(request, response)


def _address_elsewhere(blob: Blob, side: int) -> str | None:
    """Return a signed address of a picture, where the site has the bucket send them and has this one there."""
    if not settings.CONFIG.blob_s3_signed_seconds:
        return None
    small = file_address(thumbnail_name(blob.sha256, side), CONTENT_TYPE) if side else None
    return small or file_address(blob.storage_name, blob.content_type)


def _sent_there(address: str) -> HttpResponseRedirect:
    """Lead there, and have nobody keep the way: who may see a picture can change at any moment."""
    response = HttpResponseRedirect(address)
    patch_cache_control(response, private=True, no_store=True)
    return response


def _file(blob: Blob, small: File[bytes] | None) -> FileResponse:
    if small is not None:
        return FileResponse(small, content_type=CONTENT_TYPE)
    return FileResponse(blob_open(blob), content_type=blob.content_type)


_SHA256 = re.compile(r"[0-9a-f]{64}")
_VISIBLE = """
    SELECT {columns} FROM workers_blob blob WHERE blob.sha256 = %s AND blob.content_type LIKE 'image/%%'
    AND EXISTS (
        SELECT FROM search_documentimage image JOIN search_document document ON document.id = image.document_id
        WHERE image.blob_id = blob.sha256 AND document.collection_id = ANY(%s::bigint[])
        UNION ALL
        SELECT FROM search_documentpage page JOIN search_document document ON document.id = page.document_id
        WHERE page.blob_id = blob.sha256 AND document.collection_id = ANY(%s::bigint[])
    )
"""


def _visible_blob(request: HttpRequest, sha256: str) -> Blob:
    """Return the picture of a document that the caller may see now; raises `picture.not_found`.

    A page asks for dozens, so the statement is composed once.
    """
    if not _SHA256.fullmatch(sha256):
        raise AppError("picture.not_found")
    statement, of_blob = _statement()
    with connection.cursor() as cursor:
        collections = list(visible_collections(request.user))
        cursor.execute(statement, [sha256, collections, collections])
        row = cursor.fetchone()
    if row is None:
        raise AppError("picture.not_found")
    return of_blob.instance(row)


@cache
def _statement() -> tuple[Prepared, Columns[Blob]]:
    of_blob = columns(Blob, "blob")
    return Prepared(_VISIBLE.format(columns=of_blob.sql)), of_blob


def _side(written: str) -> int:
    """Return the kept size for the wanted width in pixels; 0 for the original."""
    return nearest_side(int(written)) if written.isascii() and written.isdigit() and len(written) < 6 else 0

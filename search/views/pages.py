"""A page of a document's file, with the passage that was found marked on it; and the file itself."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import FileResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from retrieval_site.database.reading import reads
from retrieval_site.errors import AppError
from search.models import Document, DocumentFile, DocumentPage, Passage
from search.services.document_files import former_files
from search.throttling import PAGE, PICTURE
from search.views.caching import etag_of, not_modified, revalidated
from search.views.cards import document_address
from search.views.images import SANDBOX
from search.views.indexing import NO_INDEX
from search.views.people import searchers_only
from search.views.ranges import ranged
from search.views.throttling import throttled
from search.views.tokens import tokens_count
from workers.storage.blobs import blob_open

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse, HttpResponseBase


@dataclass(frozen=True)
class Mark:
    """A place on a page, in fractions of it."""

    left: float
    top: float
    width: float
    height: float


@require_safe
@throttled(PAGE)
@searchers_only
@reads
def page(request: HttpRequest, document_id: int, number: int) -> HttpResponse:
    """Show a page; `?passage=` marks a passage on it, `?q=` names the search that found it."""
    document = _document(request, document_id)
    pages = DocumentPage.objects.filter(document=document)
    found = pages.filter(number=number).first()
    if found is None:
        raise AppError("document.page_not_found", number=number)
    count, query_id = pages.count(), _uuid(request.GET.get("q", ""))
    context = {
        "document": document,
        "document_address": document_address(document.pk, query_id),
        "query_id": query_id,
        "page": found,
        "count": count,
        "before": number - 1 if number > 1 else 0,
        "after": number + 1 if number < count else 0,
        "marks": _marks(found, _passage(request.GET.get("passage", ""), document)),
        "text": _text(document, found),
        "file": DocumentFile.objects.filter(document=document, replaced_at=None).first(),
    }
    response = render(request, "search/page.html", context)
    if query_id:
        response["X-Robots-Tag"] = NO_INDEX
    return response


@require_safe
@tokens_count
@throttled(PICTURE)
@searchers_only
def file(request: HttpRequest, document_id: int) -> HttpResponseBase:
    """Send the file that a document is made of, to be saved: strangers' files are never opened as pages of ours."""
    rows = DocumentFile.objects.filter(document=_document(request, document_id), replaced_at=None)
    return _sent(request, rows)


@require_safe
@tokens_count
@throttled(PICTURE)
@searchers_only
def former_file(request: HttpRequest, document_id: int, file_id: int) -> HttpResponseBase:
    """Send a former version of a document's file, to curators: others see what is there now."""
    document = _document(request, document_id)
    rows = former_files(document, request.user).filter(pk=file_id)
    return _sent(request, rows)


def _sent(request: HttpRequest, rows: QuerySet[DocumentFile]) -> HttpResponseBase:
    kept = rows.exclude(blob=None).select_related("blob").first()
    if kept is None or kept.blob is None:
        raise AppError("document.file_not_found")
    etag = etag_of(kept.sha256, "file")
    response = not_modified(request, etag) or FileResponse(
        blob_open(kept.blob), as_attachment=True, filename=kept.name, content_type="application/octet-stream"
    )
    revalidated(response, etag)
    response["Content-Security-Policy"] = SANDBOX
    return ranged(request, response)


def _document(request: HttpRequest, document_id: int) -> Document:
    document: Document | None = Document.objects.visible_to(request.user).filter(pk=document_id).first()
    if document is None:
        raise AppError("document.not_found")
    return document


def _uuid(written: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(written)
    except ValueError:
        return None


def _passage(written: str, document: Document) -> Passage | None:
    is_id = written.isascii() and written.isdigit() and len(written) < 19
    return Passage.objects.filter(pk=int(written), document=document).first() if is_id else None


def _marks(page: DocumentPage, passage: Passage | None) -> list[Mark]:
    """Return the places of the blocks of the page that the passage stands in."""
    if passage is None:
        return []
    return [Mark(*box) for box in page.boxes_between(passage.start, passage.end)]


def _text(document: Document, page: DocumentPage) -> str:
    """Return the words of the page."""
    return "\n\n".join(document.body[int(start) : int(end)] for start, end, *_ in page.boxes)

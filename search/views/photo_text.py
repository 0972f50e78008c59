"""What was read in a search's photo: it comes behind the hits, when it is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from retrieval_site.errors import AppError
from search.models import Document
from search.retrieval.pages import kept_query
from search.retrieval.read_names import named_by
from search.retrieval.scope import scope_for, visible_slugs
from search.services.photo_text import query_text_awaited, query_text_read
from search.throttling import PICTURE
from search.views.indexing import unindexed
from search.views.people import searchers_only
from search.views.throttling import throttled
from search.words.identifiers import normalised
from search.words.read_identifiers import shown_identifiers

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse

    from search.models import Query
    from workers.inference.ocr.types import TextRead

LOOK_SECONDS = 0.7
CHIPS_MAX, NAMED_MAX = 6, 3


@dataclass(frozen=True)
class NamedDocument:
    """A document that the photo names, and how."""

    document: Document
    written: str


@require_safe
@unindexed
@throttled(PICTURE)
@searchers_only
def photo_text(request: HttpRequest, query_id: uuid.UUID) -> HttpResponse:
    """Send HTMX what was read, or what asks again in a moment; lead others back to the answer, once it is read."""
    query = kept_query(query_id)
    part = query.part
    if part is None:
        raise AppError("query.not_found")
    if not getattr(request, "htmx", False):
        query_text_awaited(part=part)
        return redirect("search:results", query_id)
    reading = query_text_read(part=part)
    if reading is None:
        return render(request, "search/parts/reading.html", _next_look(request, query))
    chosen = {"chosen": visible_slugs(request.user, query.collections)}
    return render(request, "search/parts/photo_text.html", shown(request, query, reading.texts) | chosen)


def _next_look(request: HttpRequest, query: Query) -> dict[str, Any]:
    """Return what asks again, until nobody would answer any more."""
    written = request.GET.get("look", "")
    look = int(written) + 1 if written.isascii() and written.isdigit() and len(written) < 4 else 1
    again = look * LOOK_SECONDS < 2 * settings.CONFIG.read_text_seconds
    return {"query": query, "look": look, "again": again}


def shown(request: HttpRequest, query: Query, texts: Sequence[TextRead]) -> dict[str, Any]:
    """Return the documents that the photo names, and what else in it one might search by."""
    named = _named(request, query, texts)
    written = list(dict.fromkeys(one.written for one in named))
    within = "".join(map(normalised, written))
    others = [one for one in shown_identifiers(read.text for read in texts) if normalised(one) not in within]
    return {"query": query, "named": named[:NAMED_MAX], "chips": (written + others)[:CHIPS_MAX]}


def _named(request: HttpRequest, query: Query, texts: Sequence[TextRead]) -> list[NamedDocument]:
    if not texts or query.version is None:
        return []
    try:
        scope = scope_for(query.version, request.user, query.target, query.collections, query.filters)
    except AppError:  # a collection or the vectors are gone or hidden now
        return []
    written = {one.document_id: one.written for one in named_by(texts, scope)}
    documents = Document.objects.visible_to(request.user).select_related("collection").in_bulk(list(written))
    return [NamedDocument(documents[key], text) for key, text in written.items() if key in documents]

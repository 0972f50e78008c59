"""A search's answer, under an address that can be shared; whoever opens it sees what they may see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import FileResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.views.decorators.http import require_safe

from retrieval_site.errors import not_found
from search import retrieval
from search.models import Collection, Document, Query
from search.services.judgements import judgements_of
from search.services.queries import is_owner
from search.sessions import session_of
from search.throttling import PAGE, PICTURE
from search.views.caching import etag_of, not_modified, revalidated
from search.views.cards import cards
from search.views.indexing import unindexed
from search.views.people import searchers_only
from search.views.plans import described
from search.views.searching import HITS
from search.views.throttling import throttled
from workers.blobs import blob_open

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

    from search.retrieval.types import SearchAnswer


@require_safe
@unindexed
@throttled(PAGE)
@searchers_only
def results(request: HttpRequest, query_id: uuid.UUID) -> HttpResponse:
    """Show the hits; to HTMX only the next ones."""
    query = _query(query_id)
    cursor = request.GET.get("next") or None
    answer = retrieval.reopen(query_id, request.user, HITS.get(query.target, 10), cursor)
    more = bool(getattr(request, "htmx", False)) and cursor is not None
    context = _hits(request, query, answer) | ({} if more else _surroundings(request, query, answer))
    response = render(request, "search/parts/hits.html" if more else "search/results.html", context)
    patch_vary_headers(response, ["HX-Request", "Cookie"])
    patch_cache_control(response, private=True, no_cache=True)
    return response


@require_safe
@unindexed
@throttled(PICTURE)
@searchers_only
def photo(request: HttpRequest, query_id: uuid.UUID) -> HttpResponseBase:
    """Send the kept query photo: small, re-encoded, without metadata."""
    preview = _query(query_id).preview
    if preview is None:
        raise not_found("photo")
    etag = etag_of(preview.sha256, "preview")
    unchanged = not_modified(request, etag)
    response = unchanged or FileResponse(blob_open(preview), content_type=preview.content_type)
    revalidated(response, etag)
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def _query(query_id: uuid.UUID) -> Query:
    query = Query.objects.select_related("version", "preview").defer("embedding", "answer")
    found = query.filter(pk=query_id).first()
    if found is None:
        raise not_found("query")
    return found


def _hits(request: HttpRequest, query: Query, answer: SearchAnswer) -> dict[str, Any]:
    similarity = query.version.similarity if query.version else "cosine"
    judged = judgements_of(query.pk, request.user, session_of(request))
    return {"query": query, "cards": cards(answer, similarity, judged), "next": answer.next}


def _surroundings(request: HttpRequest, query: Query, answer: SearchAnswer) -> dict[str, Any]:
    """Return what stands around the hits: the query itself and how to change it."""
    visible = list(Collection.objects.visible_to(request.user))
    asked = Document.objects.visible_to(request.user).filter(pk=query.document_id).first()
    return {
        "asked_document": asked,
        "collections": visible,
        "chosen": [collection.slug for collection in visible if collection.slug in query.collections],
        "target": query.target,
        "answer": answer,
        "plan": described(answer.plan, counted=answer.counted),
        "timings": answer.timings_ms,
        "later_page": bool(request.GET.get("next")),
        "mine": is_owner(query, request.user, session_of(request)),
    }

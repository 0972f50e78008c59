"""One document, with the passage that a search found marked in its text."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from retrieval_site.database.reading import reads
from retrieval_site.errors import AppError
from search.models import Collection, Document, Query
from search.services.document_files import former_files
from search.services.field_rules import field_setups
from search.services.judgements import judgements_of
from search.sessions import session_of
from search.side_by_side.shadow import hit_opened
from search.throttling import PAGE
from search.units.registry import picture_of, span_of, unit_kind_of
from search.views.cards import Excerpt, excerpt, facts, place_of
from search.views.indexing import NO_INDEX
from search.views.people import searchers_only
from search.views.throttling import throttled

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from search.units.kind import TextSpan


PAGES_SHOWN = 24
BODY_SHOWN_CHARACTERS = 200_000
"""Of a longer text only what stands around the passage that was found is shown; its pages have the rest."""


@require_safe
@throttled(PAGE)
@searchers_only
def document(request: HttpRequest, document_id: int) -> HttpResponse:
    """Show a document; `?q=` names the query whose hit it was, and that it was opened."""
    response = _shown(request, document_id)
    if query_id := _query_id(request.GET.get("q", "")):
        session = session_of(request)
        hit_opened(query_id=query_id, document_id=document_id, viewer=request.user, session=session)
    return response


@reads
def _shown(request: HttpRequest, document_id: int) -> HttpResponse:
    rows = Document.objects.visible_to(request.user).select_related("collection")
    found = rows.prefetch_related("images").filter(pk=document_id).first()
    if found is None:
        raise AppError("document.not_found")
    file = found.files.filter(replaced_at=None).first()
    pages = found.pages.exclude(blob=None).defer("boxes")[:PAGES_SHOWN] if file and file.page_count else ()
    context = {
        "document": found,
        "images": list(found.images.all()),
        "facts": facts(found.metadata, field_setups([found.collection_id]).get(found.collection_id)),
        "file": file,
        "former_files": former_files(found, request.user) if file else (),
        "pages": list(pages),
        "edit_url": _edit_url(request, found),
    }
    response = render(request, "search/document.html", context | _found_by(request, found))
    if "q" in request.GET:  # names a kept search
        response["X-Robots-Tag"] = NO_INDEX
    return response


def _edit_url(request: HttpRequest, found: Document) -> str:
    """Return the admin's address for those who may change the document, else ""."""
    may_open = request.user.is_authenticated and getattr(request.user, "is_staff", False)
    if (
        not may_open
        or not Collection.objects.curated_by(request.user).filter(pk=found.collection_id).exists()
    ):
        return ""
    return reverse("admin:search_document_change", args=[found.pk])


def _found_by(request: HttpRequest, found: Document) -> dict[str, Any]:
    """Return what the page says of the search that led here; the plain text where none did."""
    query = _query(request.GET.get("q", ""))
    hit = _hit(query, found)
    if query is None or hit is None:
        return {"text": excerpt(found.body, 0, 0, around=BODY_SHOWN_CHARACTERS)}
    judged = judgements_of(query, request.user, session_of(request))
    kind = unit_kind_of(query.target)
    unit = kind.rows.filter(pk=hit.get(kind.name) or 0, document=found).first()
    picture = picture_of(kind.name, unit)
    return {
        "query": query,
        "query_id": query.pk,
        "words": query.text,
        "judgement": judged.get(found.pk),
        "found_image": picture and picture.pk,
        "hits_shown": _hits_shown(query, hit),
        "text": _marked(found, span_of(kind.name, unit)),
        "place": place_of(unit, query.pk),
    }


def _query(written: str) -> Query | None:
    query_id = _query_id(written)
    return Query.objects.filter(pk=query_id).first() if query_id else None


def _query_id(written: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(written)
    except ValueError:
        return None


def _hit(query: Query | None, found: Document) -> dict[str, Any] | None:
    answer = query.answer if query else []
    return next((hit for hit in answer if hit.get("document") == found.pk), None)


def _hits_shown(query: Query, hit: dict[str, Any]) -> int:
    """Return how many hits the results must show to hold this one; 0 where their first page does."""
    size, place = unit_kind_of(query.target).shown.hits_a_page, query.answer.index(hit)
    return (place // size + 1) * size if place >= size else 0


def _marked(found: Document, span: TextSpan | None) -> Excerpt:
    if span is None or not span.stands_in(found.body):
        return excerpt(found.body, 0, 0, around=BODY_SHOWN_CHARACTERS)
    return excerpt(found.body, span.start, span.end, around=BODY_SHOWN_CHARACTERS)

"""A search's answer, under an address that can be shared; whoever opens it sees what they may see."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from django.http import FileResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.views.decorators.http import require_safe

from retrieval_site.database.reading import reads
from retrieval_site.errors import AppError
from search import retrieval
from search.guide import notes
from search.models import Collection, Query
from search.retrieval.scope import visible_slugs
from search.retrieval.types import LIMIT_MAX
from search.services.judgements import judgements_of
from search.services.photo_text import can_be_read
from search.services.queries import is_owner
from search.sessions import session_of
from search.throttling import PAGE, PICTURE
from search.units.registry import unit_kind_of
from search.views.advice import advice_for
from search.views.caching import etag_of, not_modified, revalidated
from search.views.cards import cards
from search.views.filter_bar import filter_bar
from search.views.filtering import narrowing_of, narrowing_read, says_anything
from search.views.indexing import unindexed
from search.views.layouts import layout_keep, layout_of, wants_apart
from search.views.marks import marked
from search.views.parts import chips
from search.views.people import searchers_only
from search.views.photo_text import shown
from search.views.plans import described, timings_named
from search.views.throttling import throttled
from search.views.tokens import tokens_count
from workers.inference.ocr.types import TextRead
from workers.storage.blobs import blob_open

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

    from search.retrieval.types import SearchAnswer

HITS_MAX = 1000
"""How many hits one page shows again: as deep as an answer is kept."""


@require_safe
@unindexed
@throttled(PAGE)
@searchers_only
@reads
def results(request: HttpRequest, query_id: uuid.UUID) -> HttpResponse:
    """Show the hits; to HTMX only the next ones."""
    query = _query(query_id)
    if says_anything(request.GET) and (other := _narrowed_otherwise(request, query)):
        return other
    cursor = request.GET.get("next") or None
    answer = _answer(request, query, cursor)
    more = bool(getattr(request, "htmx", False)) and cursor is not None
    around = {} if more else _surroundings(request, query, answer)
    context = _hits(request, query, answer) | around
    response = render(request, "search/parts/hits.html" if more else "search/results.html", context)
    layout_keep(request, response, context["kind"])
    patch_vary_headers(response, ["HX-Request", "Cookie"])
    patch_cache_control(response, private=True, no_cache=True)
    return response


def _narrowed_otherwise(request: HttpRequest, query: Query) -> HttpResponse | None:
    """Lead to the search that the address asks for, where its filters are others than those of the kept one."""
    wanted, kept = narrowing_read(request.GET, query.target), narrowing_of(query)
    if sorted(wanted.pairs) == sorted(kept.pairs):
        return None
    return redirect(f"{reverse('search:filter', args=[query.pk])}?{request.GET.urlencode()}")


@require_safe
@unindexed
@tokens_count
@throttled(PICTURE)
@searchers_only
def photo(request: HttpRequest, query_id: uuid.UUID) -> HttpResponseBase:
    """Send the kept query photo, the first one unless `?part=` names another: small, re-encoded, without metadata."""
    place = request.GET.get("part")
    kept = (part.preview for part in _query(query_id).asked if place in (None, str(part.place)))
    preview = next(filter(None, kept), None)
    if preview is None:
        raise AppError("photo.not_found")
    etag = etag_of(preview.sha256, "preview")
    unchanged = not_modified(request, etag)
    response = unchanged or FileResponse(blob_open(preview), content_type=preview.content_type)
    revalidated(response, etag)
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def _answer(request: HttpRequest, query: Query, cursor: str | None) -> SearchAnswer:
    """Return one page; with `?hits=` the first page and those behind it that somebody had on screen before."""
    size = unit_kind_of(query.target).shown.hits_a_page
    page = partial(
        retrieval.reopen, query.pk, request.user, session=session_of(request), apart=wants_apart(request)
    )
    if cursor is not None:
        return page(size, cursor)
    wanted = _hits_wanted(request.GET.get("hits", ""), size)
    answer = page(min(wanted, LIMIT_MAX))
    while answer.next and len(answer.hits) < wanted:
        further = page(min(wanted - len(answer.hits), LIMIT_MAX), answer.next)
        answer = replace(further, hits=answer.hits + further.hits)
    return answer


def _hits_wanted(written: str, size: int) -> int:
    asked = int(written) if written.isascii() and written.isdigit() and len(written) < 6 else 0
    return max(size, min(asked, HITS_MAX))


def _query(query_id: uuid.UUID) -> Query:
    query = Query.objects.select_related("version", "saved").defer("answer")
    found = query.filter(pk=query_id).first()
    if found is None:
        raise AppError("query.not_found")
    return found


def unkept(request: HttpRequest, answer: SearchAnswer) -> HttpResponse:
    """Show at once the answer of a search that is not kept: it has no address."""
    query = answer.unkept or Query()
    context = _hits(request, query, answer) | _surroundings(request, query, answer)
    response = render(request, "search/results.html", context)
    patch_cache_control(response, private=True, no_store=True)
    return response


def refused(request: HttpRequest, query: Query, error: AppError, typed: str = "") -> HttpResponse:
    """Show a kept answer again, with why it could not be asked as a form wanted, and the words typed in that form."""
    answer = _answer(request, query, None)
    around = {"refused": error, "advice": advice_for(error), "typed": typed}
    context = _hits(request, query, answer) | _surroundings(request, query, answer) | around
    response = render(request, "search/results.html", context, status=error.status)
    for name, value in error.headers.items():
        response[name] = value
    patch_cache_control(response, private=True, no_store=True)
    return response


def _hits(request: HttpRequest, query: Query, answer: SearchAnswer) -> dict[str, Any]:
    by_vectors = answer.plan.retrievers == ("dense",)
    similarity = query.version.similarity if query.version and by_vectors else "cosine"
    judged = judgements_of(query, request.user, session_of(request)) if answer.query_id else {}
    kind = unit_kind_of(query.target)
    shown = cards(answer.hits, answer.query_id, similarity, judged)
    in_order = bool(request.GET.get("next"))  # further hits follow those that were unfolded
    return {
        "query": query,
        "kept": answer.query_id is not None,
        "cards": [card for card in shown if in_order or not card.is_less_relevant],
        "folded": [card for card in shown if not in_order and card.is_less_relevant],
        "nothing_matches": answer.match == "none" and bool(shown) and not in_order,
        "collapsed": any(card.same for card in shown),
        "next": answer.next,
        "target": query.target,
        "kind": kind,
        "layout": layout_of(request, kind),
        "apart": wants_apart(request),
        "chosen": visible_slugs(request.user, query.collections),
        "marks": answer.marks,
        "marked": marked(judged, answer.marks),
    }


def _nothing_known(answer: SearchAnswer) -> str:
    """Return the sentence for words of which the model knows none, else ""."""
    said = (warning["message"] for warning in answer.warnings if warning["id"] == "text.nothing_known")
    return next(said, "")


def _surroundings(request: HttpRequest, query: Query, answer: SearchAnswer) -> dict[str, Any]:
    """Return what stands around the hits: the query itself and how to change it."""
    part, shown = query.part, chips(query, request.user)
    collections = list(Collection.objects.visible_to(request.user))
    opened = request.GET.get("menu", "")
    return {
        "asked": part,
        "asked_document": shown[0].document if part else None,
        "chips": shown,
        "bar": filter_bar(query, request.user, collections, opened) if answer.query_id else None,
        "collections": collections,
        "answer": answer,
        "words": part.text if part else "",
        "saved_name": ", ".join(one.text for one in query.asked if one.text),
        "nothing_known": "" if answer.hits else _nothing_known(answer),
        "mode": query.mode,
        "photos_only": not all(one.text and one.weight > 0 for one in query.asked),
        "plan": described(query, answer.plan, counted=answer.counted),
        "timings": timings_named(query.timings_ms),
        "notes": notes(query.version, query.target),
        "later_page": bool(request.GET.get("next")),
        "mine": is_owner(query, request.user, session_of(request)),
        **_photo_text(request, query, answer),
    }


def _photo_text(request: HttpRequest, query: Query, answer: SearchAnswer) -> dict[str, Any]:
    """Return what was read in the photo, or that it is to be asked for behind the hits."""
    part = query.part
    if answer.query_id is None or request.GET.get("next") or not can_be_read(part):
        return {}
    if part is None or part.text_read is None:
        return {"reading": True}
    return {"photo_text": shown(request, query, [TextRead.of(one) for one in part.text_read])}

"""Asking: a photo, words, an example, another document, or an earlier query with other choices."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_noop
from django_htmx.http import HttpResponseClientRedirect, reselect, reswap, retarget

from retrieval_site.bodies import BodyRule, may_send, takes_body
from retrieval_site.errors import AppError
from retrieval_site.people import anybody_searches, may_search
from retrieval_site.posting import takes_form
from search import retrieval
from search.guide import example_path
from search.retrieval.modes import is_wanted_text
from search.retrieval.pages import kept_query
from search.retrieval.types import (
    MODES,
    DocumentPart,
    EmbeddingPart,
    ImagePart,
    SearchRequest,
    TextPart,
)
from search.services.uploads import picture_of_address, picture_too_large, read_picture
from search.sessions import session_for
from search.throttling import caller_of
from search.units.registry import unit_kind_of
from search.views.beside import said_beside, too_long_beside
from search.views.choosing import keep_target, target_named
from search.views.filtering import narrowing_of
from search.views.parts import WORDS_WEIGHT, checked_text, document_id, parts_again, stays_as_written
from search.views.people import searchers_only
from search.views.results import unkept
from search.views.throttling import throttled

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse

    from search.models import Query
    from search.retrieval.types import Part, SearchWarning

_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)
"""What is no words but the address of a picture."""
COLLECTIONS_MAX, SLUG_MAX = 100, 80
PREVIEW_PX = 640
"""Longest side of the kept query photo: sharp beside the hits, and enough to ask again with."""


_PHOTO = BodyRule(
    "picture_max_bytes",
    too_large=picture_too_large,
    refusal=may_send(lambda request: may_search(request.user), back="/"),
    open_to_all=anybody_searches,
)


@takes_body(_PHOTO)
@takes_form(opens="search:home")
@throttled()
@searchers_only
def search(request: HttpRequest) -> HttpResponse:
    """Search by what the form holds and lead to the results."""
    return _answered(request, {**_choices(request), "parts": _parts(request)})


@takes_body(replace(_PHOTO, shown=too_long_beside))
@takes_form(opens="search:results")
@throttled()
@searchers_only
@said_beside
def again(request: HttpRequest, query_id: uuid.UUID) -> HttpResponse:
    """Ask an earlier query again with the parts, the target and the collections chosen now.

    What cannot be asked is said beside the earlier answer, with the words that were written.
    """
    query = kept_query(query_id)
    parts = parts_again(query, request)
    asked = {**_choices(request), "filters": query.filters, "sort": query.sort, "parts": parts}
    asked["as_written"] = stays_as_written(query, request.POST)
    asked["notes"] = (_marks_left_behind(query),) if query.marks else ()
    vectors = any(isinstance(part, EmbeddingPart) for part in parts)
    if vectors and query.version:  # they mean something under their own version only
        asked["model"] = query.version.key
    return _answered(request, asked)


def _marks_left_behind(query: Query) -> SearchWarning:
    """Return the note that a search asked otherwise is another question, for which nobody marked anything."""
    return {
        "id": "marks.left_behind",
        "message": gettext_noop(  # kept with the search, which others may read in their language
            "Your marks do not move this search: they belong to the one before you changed it."
        ),
        "detail": {"query": str(query.pk)},
    }


def _answered(request: HttpRequest, asked: dict[str, Any]) -> HttpResponse:
    if not all(map(is_wanted_text, asked["parts"])):
        asked["mode"] = "auto"  # chosen for words, and there is more
    with session_for(request) as session:
        asking = SearchRequest(
            request.user,
            session=session,
            preview_px=PREVIEW_PX,
            or_pictures=True,
            collapse=True,
            may_interleave=True,
            **asked,
        )
        answer = retrieval.search(asking)
    keep_target(request, asked["target"])
    if answer.query_id is None:
        shown = unkept(request, answer)
        return _in_main(shown) if getattr(request, "htmx", False) else shown
    address = reverse("search:results", args=[answer.query_id])
    if asking.filters:
        address += narrowing_of(asking).query_string
    return HttpResponseClientRedirect(address) if getattr(request, "htmx", False) else redirect(address)


def _in_main(page: HttpResponse) -> HttpResponse:
    """Let HTMX put what is the main part of this page in place of the shown page's."""
    return reswap(reselect(retarget(page, "main"), "main"), "outerHTML")


def _choices(request: HttpRequest) -> dict[str, Any]:
    target = target_named(request.POST.get("target"))
    collections = tuple(
        slug for slug in request.POST.getlist("collections")[:COLLECTIONS_MAX] if _is_slug(slug)
    )
    mode = next((mode for mode in MODES if mode == request.POST.get("mode")), "auto")
    return {
        "target": target,
        "collections": collections,
        "mode": mode,
        "as_written": bool(request.POST.get("as_written")),
        "limit": unit_kind_of(target).shown.hits_a_page,
    }


def _is_slug(written: str) -> bool:
    return 0 < len(written) <= SLUG_MAX and "\0" not in written


def _parts(request: HttpRequest) -> tuple[Part, ...]:
    """Return what the form asks with: photos of one thing with words beside them, or something else.

    Raises AppError `query.empty`.
    """
    if key := request.POST.get("example", ""):  # the button that was pressed, whatever stands in the box
        return (ImagePart(_example(key)),)
    text = request.POST.get("text", "").strip()
    photos = request.FILES.getlist("image")
    if photos and text:
        words = TextPart(checked_text(text), WORDS_WEIGHT)
        return (*(ImagePart(read_picture(photo)) for photo in photos), words)
    if photos:
        return tuple(ImagePart(read_picture(photo)) for photo in photos)
    if settings.CONFIG.picture_urls and _ADDRESS.fullmatch(text):
        return (ImagePart(picture_of_address(text, caller_of(request))),)
    if text:
        return (TextPart(checked_text(text)),)
    if not (document := request.POST.get("document", "")):
        raise AppError("query.empty")
    return (DocumentPart(document_id(document)),)


def _example(key: str) -> bytes:
    path = example_path(key)
    if path is None or not path.is_file():
        raise AppError("example.not_found")
    return path.read_bytes()

"""Asking: a photo, words, an example, another document, or an earlier query with other choices."""

from __future__ import annotations

import re
from array import array
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.shortcuts import redirect
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect, reselect, reswap, retarget

from retrieval_site.bodies import BodyRule, may_send, takes_body
from retrieval_site.errors import AppError
from retrieval_site.people import anybody_searches
from retrieval_site.posting import takes_form
from search import retrieval
from search.guide import example_path
from search.models import Query
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
from search.views.choosing import keep_target, target_named
from search.views.filtering import narrowing_of
from search.views.framing import photo_again
from search.views.people import may_search, searchers_only
from search.views.results import unkept
from search.views.throttling import throttled

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse, QueryDict

    from search.retrieval.types import Part

TEXT_MAX = 2000
_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)
"""What is no words but the address of a picture."""
COLLECTIONS_MAX, SLUG_MAX = 100, 80
PREVIEW_PX = 640
"""Longest side of the kept query photo: sharp beside the hits, and enough to ask again with."""


@takes_body(
    BodyRule(
        "picture_max_bytes",
        too_large=picture_too_large,
        refusal=may_send(may_search, back="/"),
        open_to_all=anybody_searches,
    )
)
@takes_form(opens="search:home")
@throttled()
@searchers_only
def search(request: HttpRequest) -> HttpResponse:
    """Search by what the form holds and lead to the results."""
    return _answered(request, {**_choices(request), "parts": _parts(request)})


@takes_form(opens="search:results")
@throttled()
@searchers_only
def again(request: HttpRequest, query_id: uuid.UUID) -> HttpResponse:
    """Ask an earlier query again with the target and the collections chosen now."""
    query = Query.objects.select_related("version").filter(pk=query_id).first()
    if query is None:
        raise AppError("query.not_found")
    part = _part_of(query, request.POST)
    asked = {**_choices(request), "filters": query.filters, "sort": query.sort, "parts": (part,)}
    if isinstance(part, EmbeddingPart) and query.version:  # it means something under its own version only
        asked["model"] = query.version.key
    return _answered(request, asked)


def _answered(request: HttpRequest, asked: dict[str, Any]) -> HttpResponse:
    if not any(isinstance(part, TextPart) for part in asked["parts"]):
        asked["mode"] = "auto"  # chosen for words, and there are none
    with session_for(request) as session:
        asking = SearchRequest(
            request.user, session=session, preview_px=PREVIEW_PX, or_pictures=True, collapse=True, **asked
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
    """Return what the form asks with: photos of one thing, or something else.

    Raises AppError `query.empty`, `query.ambiguous`.
    """
    if key := request.POST.get("example", ""):  # the button that was pressed, whatever stands in the box
        return (ImagePart(_example(key)),)
    text = request.POST.get("text", "").strip()
    photos = [photo for photo in request.FILES.getlist("image") if photo.size or not text]
    if photos and text:
        raise AppError("query.ambiguous")
    if photos:
        return tuple(ImagePart(read_picture(photo)) for photo in photos)
    if settings.CONFIG.picture_urls and _ADDRESS.fullmatch(text):
        return (ImagePart(picture_of_address(text, caller_of(request))),)
    if text:
        return (TextPart(_checked(text)),)
    return (DocumentPart(_document_id(request.POST.get("document", ""))),)


def _example(key: str) -> bytes:
    path = example_path(key)
    if path is None or not path.is_file():
        raise AppError("example.not_found")
    return path.read_bytes()


def _checked(text: str) -> str:
    if len(text) > TEXT_MAX:
        raise AppError("text.too_long", limit=TEXT_MAX)
    if "\0" in text:
        raise AppError("text.not_text")
    return text


def _document_id(written: str) -> int:
    if not written:
        raise AppError("query.empty")
    if not (written.isascii() and written.isdigit() and len(written) < 19):
        raise AppError("document.not_found")
    return int(written)


def _part_of(query: Query, form: QueryDict) -> Part:
    """Return what an earlier query asked with, its vector where the photo is gone.

    Raises AppError `query.not_repeatable`.
    """
    part = query.part
    if part and part.modality == "text":
        return TextPart(part.text)
    if part and part.document_id:
        return DocumentPart(part.document_id)
    if part and (photo := photo_again(part, form)):
        return photo
    if part and part.embedding and query.version:
        return EmbeddingPart(tuple(array("f", bytes(part.embedding))))
    raise AppError("query.not_repeatable")

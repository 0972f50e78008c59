"""The collections that somebody curates, and a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from retrieval_site.errors import AppError
from retrieval_site.languages.lazy import gettext_lazy
from retrieval_site.people import signed_in
from search.curating.rights import may_make_collections
from search.models import Collection
from search.models.collection import LANGUAGES
from search.services.collections import collection_create
from search.throttling import PAGE
from search.views.curating.common import in_labels
from search.views.indexing import unindexed
from search.views.people import members_only
from search.views.throttling import throttled

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

RECOGNITIONS = (
    (Collection.Recognition.PAGES, gettext_lazy("Read pages that are pictures of text, such as scans")),
    (Collection.Recognition.ALL, gettext_lazy("Read figures and photographs, too (slower)")),
    (Collection.Recognition.NONE, gettext_lazy("Read none")),
)
"""Which pictures of text are read, in words for people."""


LABELS = {
    "name": gettext_lazy("Name"),
    "slug": gettext_lazy("Name in addresses"),
    "visibility": gettext_lazy("Who may search it"),
    "language": gettext_lazy("Language of its texts"),
    "character_recognition": gettext_lazy("Text in pictures"),
}
"""What the form calls the fields of a collection."""


@require_safe
@unindexed
@throttled(PAGE)
@members_only
def collections(request: HttpRequest) -> HttpResponse:
    """List the collections that the viewer curates."""
    rows = Collection.objects.curated_by(request.user).counted()
    context = {"collections": rows, "may_make": may_make_collections(request.user)}
    return render(request, "search/curating/collections.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@unindexed
@throttled()
@members_only
def new_collection(request: HttpRequest) -> HttpResponse:
    """Make a collection; who makes it is its curator."""
    if not may_make_collections(request.user):
        raise AppError("permission.denied/new_collection")
    refusal = None
    if request.method == "POST":
        try:
            return redirect("search:curate-documents", _made(request).slug)
        except AppError as error:
            refusal = in_labels(error, LABELS)
    context = {
        "given": request.POST,
        "refused": refusal,
        "languages": LANGUAGES,
        "visibilities": Collection.Visibility.choices,
        "recognitions": RECOGNITIONS,
    }
    return render(request, "search/curating/new.html", context, status=refusal.status if refusal else 200)


def _made(request: HttpRequest) -> Collection:
    sent = {
        name: request.POST.get(name, "").replace("\0", "").strip() for name in ("name", "slug", "description")
    }
    return collection_create(
        owner=signed_in(request),
        visibility=request.POST.get("visibility", ""),
        language=request.POST.get("language", ""),
        character_recognition=request.POST.get("character_recognition", Collection.Recognition.PAGES.value),
        **sent,
    )

"""A collection's documents as a table or a grid: found, narrowed, ticked, and changed together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.shortcuts import render

from retrieval_site.database.counting import is_about
from retrieval_site.errors import AppError
from retrieval_site.people import signed_in
from retrieval_site.posting import takes_form
from search.curating.actions import Action, detail_read
from search.curating.fields import fields_shown
from search.curating.quality import QUALITIES
from search.curating.selection import (
    SORTS,
    DocumentsAsked,
    asked_of,
    documents_asked,
    documents_counted,
    page_of,
)
from search.curating.start import change_start, curated_collection, merge_start, picked_documents
from search.filters.values import METADATA
from search.models import Collection
from search.throttling import REQUEST
from search.units.passage import PASSAGE
from search.views.curating.common import curators_page, numbers_of, refused, said
from search.views.curating.menus import menus_of
from search.views.filtering import SORT, narrowing_read
from search.views.people import members_only
from search.views.throttling import throttled

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

LAYOUTS = {"table": "list", "grid": "layout-grid"}
"""By name, with their icons."""
COLUMNS_MAX = 3
"""Fields of the metadata that a table has room for."""


@curators_page("GET", "HEAD")
def documents(request: HttpRequest, collection: Collection) -> HttpResponse:
    """Show a page of documents with the form that changes those that are ticked."""
    asked = asked_in(request.GET, collection)
    page = page_of(asked, request.GET.get("after", ""), request.user)
    layout, shown = request.GET.get("view", "table"), fields_shown(collection)
    found = documents_counted(asked)
    context = {
        "collection": collection,
        "asked": asked,
        "page": page,
        "found": found,
        "is_about": is_about(found),
        "menus": menus_of(asked, request.user),
        "columns": shown[:COLUMNS_MAX],
        "keys": [field.name.removeprefix(METADATA) for field in shown],
        "sorts": SORTS.items(),
        "quality": QUALITIES.get(asked.quality, ("",))[0],
        "layout": layout if layout in LAYOUTS else "table",
        "layouts": LAYOUTS.items(),
        "kept": kept_query(request.GET),
        "next": _with(request.GET, after=page.next) if page.next else "",
        "is_first": not request.GET.get("after"),
        "targets": Collection.objects.curated_by(request.user).exclude(pk=collection.pk),
        "tab": "documents",
    }
    return render(request, "search/curating/documents.html", context)


@takes_form(opens="search:curate-documents")
@throttled(REQUEST)
@members_only
def change(request: HttpRequest, slug: str) -> HttpResponse:
    """Change the ticked documents, or all that match."""
    collection = curated_collection(slug, request.user)
    query = request.POST.get("query", "")
    try:
        return said(request, _started(request, collection, query))
    except AppError as error:
        return refused(request, error, collection, query)


def _started(request: HttpRequest, collection: Collection, query: str) -> Any:
    action, by = request.POST.get("action", ""), signed_in(request)
    ids = numbers_of(request.POST.getlist("document"))
    if action == Action.MERGE:
        keep = numbers_of([request.POST.get("keep", "")]) or ids[:1]
        return merge_start(collection=collection, keep=keep[0] if keep else 0, ids=ids, by=by)
    detail = detail_read(action, request.POST.dict(), collection, by)
    picked: QuerySet[Any] = picked_documents(collection, ids)
    if request.POST.get("scope") == "all":
        picked = documents_asked(asked_in(QueryDict(query), collection))
    return change_start(collection=collection, action=action, detail=detail, documents=picked, by=by)


def asked_in(sent: QueryDict, collection: Collection) -> DocumentsAsked:
    """Return what an address asks for; raises AppError `parameter.invalid`."""
    plain = sent.copy()
    sort = plain.pop(SORT, [""])[-1]
    filters = narrowing_read(plain, PASSAGE.target).filters
    return asked_of(collection, sent.get("q", ""), filters, sent.get("quality", ""), sort)


def kept_query(sent: QueryDict) -> str:
    """Return what an address asks for, without its page."""
    return urlencode(
        [(key, value) for key, values in sent.lists() for value in values if key != "after" and value]
    )


def _with(sent: QueryDict, **more: str) -> str:
    changed = sent.copy()
    for key, value in more.items():
        changed[key] = value
    return changed.urlencode()

"""A collection's trash: what is in it, the way back, and its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.shortcuts import redirect, render
from django.utils.translation import gettext

from retrieval_site.database.counting import BoundedPaginator
from retrieval_site.errors import AppError
from retrieval_site.people import signed_in
from retrieval_site.posting import takes_form
from retrieval_site.shown_errors import error_show
from search.curating.actions import Action
from search.curating.start import change_start, curated_collection, picked_trashed
from search.curating.trash import trash_empty, trash_of
from search.models import Collection, TrashedDocument
from search.views.curating.common import curators_page, numbers_of, said
from search.views.people import members_only
from search.views.throttling import throttled

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

A_PAGE = 50


@curators_page("GET", "HEAD")
def trash(request: HttpRequest, collection: Collection) -> HttpResponse:
    """List what is in the trash, last deleted first."""
    page = BoundedPaginator(trash_of(collection), A_PAGE).get_page(request.GET.get("page"))
    context = {
        "collection": collection,
        "page": page,
        "keep_days": settings.CONFIG.trash_keep_days,
        "tab": "trash",
    }
    return render(request, "search/curating/trash.html", context)


@takes_form(opens="search:curate-trash")
@throttled()
@members_only
def restore(request: HttpRequest, slug: str) -> HttpResponse:
    """Put the ticked documents back, or all."""
    collection = curated_collection(slug, request.user)
    picked = picked_trashed(collection, numbers_of(request.POST.getlist("document")))
    if request.POST.get("scope") == "all":
        picked = TrashedDocument.objects.filter(collection=collection).order_by()
    try:
        started = change_start(
            collection=collection, action=Action.RESTORE, detail={}, documents=picked, by=signed_in(request)
        )
    except AppError as error:
        error_show(request, error)
        return redirect("search:curate-trash", slug)
    return said(request, started)


@takes_form(opens="search:curate-trash")
@throttled()
@members_only
def empty(request: HttpRequest, slug: str) -> HttpResponse:
    """Delete everything in the trash for good."""
    removed = trash_empty(collection=curated_collection(slug, request.user))
    messages.success(
        request,
        gettext("The trash is empty: {removed} documents are gone for good.").format(
            removed=intcomma(removed)
        ),
    )
    return redirect("search:curate-trash", slug)

"""Your searches: those that somebody with an account made, and those that they keep by a name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe

from retrieval_site.database.counting import BoundedPaginator
from retrieval_site.posting import takes_form
from search.asked import AskedSearch, asked_searches
from search.filters.registry import filters_described
from search.services.alerts import can_be_mailed
from search.services.saved_searches import (
    history_clear,
    history_count,
    history_judgements,
    own_saved_search,
    saved_search_create,
    saved_search_delete,
    saved_search_rename,
    saved_searches_of,
    searches_of,
)
from search.throttling import PAGE
from search.units.registry import unit_kind_of
from search.views.indexing import unindexed
from search.views.people import members_only
from search.views.throttling import throttled

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterable

    from django.http import HttpRequest, HttpResponse

    from search.models import Query, SavedSearch

SEARCHES_A_PAGE = 20


@dataclass(frozen=True)
class SearchRow:
    """A search as its row shows it: what was asked with, where, and the name that it is saved by."""

    asked: AskedSearch
    looked_for: str
    filters: str
    saved: SavedSearch | None


@require_safe
@unindexed
@throttled(PAGE)
@members_only
def searches(request: HttpRequest) -> HttpResponse:
    """Show what somebody saved, and what they searched for lately."""
    kept = list(saved_searches_of(request.user))
    recent = searches_of(request.user).filter(saved=None)
    page = BoundedPaginator(recent, SEARCHES_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "saved": _rows([saved.query for saved in kept], request, kept),
        "recent": _rows(list(page.object_list), request),
        "page": page,
        "can_be_mailed": can_be_mailed(request.user),
    }
    return render(request, "search/searches.html", context)


def _rows(queries: list[Query], request: HttpRequest, saved: Iterable[SavedSearch] = ()) -> list[SearchRow]:
    names = {row.query_id: row for row in saved}
    return [
        SearchRow(
            asked,
            unit_kind_of(asked.query.target).shown.label_inside,
            filters_described(asked.query.filters),
            names.get(asked.query.pk),
        )
        for asked in asked_searches(queries, request.user)
    ]


@takes_form(opens="search:results")
@throttled()
@members_only
def save(request: HttpRequest, query_id: uuid.UUID) -> HttpResponse:
    """Keep one's own search by the name that the form gives it."""
    saved, _ = saved_search_create(query_id=query_id, viewer=request.user, name=request.POST.get("name", ""))
    messages.success(request, gettext("Saved as “{name}”.").format(name=saved.name))
    return redirect("search:results", query_id)


@require_http_methods(["POST"])
@throttled()
@members_only
def change(request: HttpRequest, saved_id: int) -> HttpResponse:
    """Rename a saved search, or keep it no longer."""
    saved = own_saved_search(saved_id, request.user)
    if request.POST.get("do") == "remove":
        saved_search_delete(saved=saved)
        messages.success(request, gettext("“{name}” is no longer saved.").format(name=saved.name))
    else:
        saved_search_rename(saved=saved, name=request.POST.get("name", ""))
        messages.success(request, gettext("Renamed to “{name}”.").format(name=saved.name))
    return redirect("search:searches")


@require_http_methods(["GET", "HEAD", "POST"])
@unindexed
@throttled()
@members_only
def clear(request: HttpRequest) -> HttpResponse:
    """Ask whether all searches that are not saved shall go; delete them where the answer is yes."""
    if request.method == "POST":
        history_clear(viewer=request.user)
        messages.success(request, gettext("Your searches are deleted."))
        return redirect("search:searches")
    context = {"searches": history_count(request.user), "judgements": history_judgements(request.user)}
    return render(request, "search/clear.html", context)

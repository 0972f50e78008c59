"""Narrowing a kept search by its address, and the values that its menus offer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from retrieval_site.database.reading import reads
from search import retrieval
from search.models import Collection, Query
from search.retrieval.facets import check_field, fields_in
from search.retrieval.pages import kept_query
from search.retrieval.types import SearchRequest
from search.sessions import session_for
from search.throttling import PAGE
from search.units.registry import unit_kind_of
from search.views.beside import said_beside
from search.views.filter_bar import ShownSearch, field_labels, menu_inside
from search.views.filtering import narrowing_of, narrowing_read
from search.views.indexing import unindexed
from search.views.people import searchers_only
from search.views.results import unkept
from search.views.throttling import throttled

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse

    from search.retrieval.types import SearchAnswer
    from search.views.filtering import Narrowing


@require_safe
@unindexed
@throttled()
@searchers_only
@said_beside
def narrow(request: HttpRequest, query_id: uuid.UUID) -> HttpResponse:
    """Ask a kept search again with the filters and the order that the address says, and lead to its results."""
    query = kept_query(query_id)
    wanted, kept = narrowing_read(request.GET, query.target), narrowing_of(query)
    if (sorted(wanted.pairs), wanted.target) == (sorted(kept.pairs), kept.target):
        return redirect(reverse("search:results", args=[query.pk]) + kept.query_string)
    answer = _asked_again(request, query, wanted)
    if answer.query_id is None:
        return unkept(request, answer)
    return redirect(reverse("search:results", args=[answer.query_id]) + wanted.query_string)


@require_safe
@unindexed
@throttled(PAGE)
@searchers_only
@reads
def values(request: HttpRequest, query_id: uuid.UUID) -> HttpResponse:
    """Show what the menu of one field holds, as a part of the results page; `q`: only the values that contain it."""
    query = kept_query(query_id)
    name, typed = request.GET.get("field", ""), request.GET.get("q", "").strip().replace("\0", "")
    check_field(name)
    collections = Collection.objects.visible_to(request.user).only("slug", "name")
    names = {one.slug: one.name for one in collections}
    labels = field_labels(fields_in([one.pk for one in collections]))
    inside = menu_inside(ShownSearch(query, request.user, names, labels), name, typed)
    template = "search/parts/filter_values.html" if "q" in request.GET else "search/parts/filter_inside.html"
    response = render(request, template, {"inside": inside, "query": query, "typed": typed})
    patch_cache_control(response, private=True, no_store=True)
    return response


def _asked_again(request: HttpRequest, query: Query, wanted: Narrowing) -> SearchAnswer:
    with session_for(request) as session:
        asked = SearchRequest(
            request.user,
            session=session,
            collections=wanted.collections,
            filters=wanted.filters,
            sort=wanted.sort,
            target=wanted.target,
            limit=unit_kind_of(wanted.target).shown.hits_a_page,
        )
        return retrieval.search_again(query, asked)

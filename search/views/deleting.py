"""Deleting a search that one made: first what goes with it, then the deed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from search.models import Judgement
from search.services.queries import own_query, query_delete
from search.sessions import session_of
from search.views.indexing import unindexed
from search.views.people import searchers_only
from search.views.throttling import throttled

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse


@require_http_methods(["GET", "HEAD", "POST"])
@unindexed
@throttled()
@searchers_only
def delete(request: HttpRequest, query_id: uuid.UUID) -> HttpResponse:
    """Ask whether the search shall go; delete it where the answer is yes."""
    session = session_of(request)
    if request.method == "POST":
        query_delete(query_id=query_id, viewer=request.user, session=session)
        messages.success(request, gettext("The search is deleted."))
        return redirect("search:searches" if "from_searches" in request.POST else "search:home")
    query = own_query(query_id, request.user, session)
    judgements = Judgement.objects.filter(query=query).count()
    context = {
        "query": query,
        "judgements": judgements,
        "from_searches": "from_searches" in request.GET,
        "sent_with": next((part.sent_with_id for part in query.asked if part.sent_with_id), None),
    }
    return render(request, "search/delete.html", context)

"""More like what one marked: an answer's marks move its search, and the way back stays open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import redirect
from django.urls import reverse

from retrieval_site.posting import takes_form
from search import retrieval
from search.retrieval.again import same_again
from search.retrieval.pages import kept_query
from search.services.judgements import grades_of
from search.sessions import session_for
from search.units.registry import unit_kind_of
from search.views.beside import said_beside
from search.views.filtering import narrowing_of
from search.views.people import searchers_only
from search.views.results import unkept
from search.views.throttling import throttled

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse


@takes_form(opens="search:results")
@throttled()
@searchers_only
@said_beside
def move(request: HttpRequest, query_id: uuid.UUID) -> HttpResponse:
    """Ask a kept search again, moved by one's own marks of its answer, and lead to the results."""
    query = kept_query(query_id)
    with session_for(request) as session:
        grades = grades_of(query, request.user, session)
        asked = same_again(query, request.user, session, unit_kind_of(query.target).shown.hits_a_page)
        answer = retrieval.search_by_marks(query, asked, grades)
    if answer.query_id is None:
        return unkept(request, answer)
    return redirect(reverse("search:results", args=[answer.query_id]) + narrowing_of(asked).query_string)

"""What a kept search cannot be asked is said beside its answer, which stays on the page."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from retrieval_site import bodies
from retrieval_site.errors import AppError
from retrieval_site.people import may_search
from search.retrieval.pages import kept_query
from search.views.results import refused

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable, Mapping

    from django.http import HttpRequest, HttpResponse, HttpResponseBase

    View = Callable[[HttpRequest, uuid.UUID], HttpResponse]

_ANSWER_IS_GONE = "query.not_found"


def said_beside(view: View) -> View:
    """Show the kept answer with the error of a view that asks it otherwise, and with the words that were typed."""

    @wraps(view)
    def asked(request: HttpRequest, query_id: uuid.UUID) -> HttpResponse:
        try:
            return view(request, query_id)
        except AppError as error:
            if error.id == _ANSWER_IS_GONE:
                raise
            return refused(request, kept_query(query_id), error, typed=request.POST.get("text", ""))

    return asked


def too_long_beside(request: HttpRequest, error: AppError, kwargs: Mapping[str, Any]) -> HttpResponseBase:
    """Say beside the answer that a form was too long, which nobody has read."""
    if not may_search(request.user):
        return bodies.refused(request, error)
    try:
        return refused(request, kept_query(kwargs["query_id"]), error)
    except AppError:
        return bodies.refused(request, error)

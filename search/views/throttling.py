"""How often a caller may ask for pages: out of the same bucket as the API."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from retrieval_site.throttling import too_often
from search.throttling import PAGE, REQUEST, seconds_to_wait

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponseBase

    View = Callable[..., HttpResponseBase]


def throttled(cost: float = REQUEST) -> Callable[[View], View]:
    """Refuse a request of a caller who asks too often, with AppError `throttle.exceeded`."""

    def decorate(view: View) -> View:
        @wraps(view)
        def counted(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            token = getattr(request, "api_token", None)
            if wait := seconds_to_wait(request, token, cost=_cost(request, cost)):
                raise too_often(wait)
            return view(request, *args, **kwargs)

        return counted

    return decorate


def _cost(request: HttpRequest, cost: float) -> float:
    """Return what the request costs: following an answer further may search again."""
    return REQUEST if cost == PAGE and ("next" in request.GET or "hits" in request.GET) else cost

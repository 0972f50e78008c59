"""What requests of the API and of the pages cost their caller, out of one bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from retrieval_site.rates import parse_rate
from retrieval_site.throttling import address_of, take

if TYPE_CHECKING:
    from django.http import HttpRequest

    from search.models import ApiToken

REQUEST = 1.0
PAGE = 0.2
"""A page that only reads: cheaper than a search, and every search leads to one."""
SUGGESTION = 0.1
"""What is asked for at every pause in somebody's typing."""
PICTURE = 0.02
"""One of the dozens of pictures of a page."""


def seconds_to_wait(request: HttpRequest, token: ApiToken | None = None, cost: float = REQUEST) -> float:
    """Count this request for its caller: each token and each signed-in person has a bucket, else each address.

    Returns 0.0 where the request is within the rate, else the seconds until the caller may ask again.
    """
    if not settings.CONFIG.throttle:
        return 0.0
    known = request.user.is_authenticated
    rate = parse_rate(settings.CONFIG.throttle_user if known else settings.CONFIG.throttle_anonymous)
    return take(caller_of(request, token), rate, cost)


def caller_of(request: HttpRequest, token: ApiToken | None = None) -> str:
    """Return by which name a caller is counted."""
    if token is not None:
        return f"token:{token.pk}"
    return f"user:{request.user.pk}" if request.user.is_authenticated else f"ip:{address_of(request)}"

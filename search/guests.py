"""Guests: who came by a link carries its number and the start of its digest in a signed cookie, and what it opens is
asked anew at each request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.middleware import get_user
from django.utils.functional import SimpleLazyObject

from search.services.guest_links import HeldLink, guest_of_links

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.http import HttpRequest, HttpResponse

COOKIE = "guest"
SALT = "search.guests"
LINKS_MAX = 10
"""Links that one browser holds; of more, the newest."""


class GuestMiddleware:
    """Let whoever came by a link that has not ended, and is not signed in, be its guest."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if COOKIE in request.COOKIES:
            request.user = SimpleLazyObject(lambda: _visitor(request))  # type: ignore[assignment]
        return self.get_response(request)


def _visitor(request: HttpRequest) -> Any:
    user = get_user(request)
    links = [] if user.is_authenticated else links_held(request)
    return (guest_of_links(links) if links else None) or user


def links_held(request: HttpRequest) -> list[HeldLink]:
    """Return the links by which a browser came, newest last; none for what we did not sign."""
    signed = request.get_signed_cookie(COOKIE, default="", salt=SALT) or ""
    parts = (link.partition("-") for link in signed.split("."))
    return [HeldLink(int(number), digest) for number, _, digest in parts if digest]


def links_hold(response: HttpResponse, links: Sequence[HeldLink]) -> None:
    """Have a browser hold these links until it is closed; none: forget them."""
    if not links:
        response.delete_cookie(COOKIE)
        return
    response.set_signed_cookie(
        COOKIE,
        ".".join(f"{link.id}-{link.digest}" for link in dict.fromkeys(links[-LINKS_MAX:])),
        salt=SALT,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )

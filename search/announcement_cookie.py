"""What a browser without an account has closed: ids in a cookie, which opens nothing and so is not signed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse

COOKIE = "announcements"
IDS_MAX = 50
SECONDS = 365 * 24 * 3600


def closed_in(request: HttpRequest) -> list[int]:
    """Return the ids that a browser says it has closed, the newest last; what are none is passed over."""
    written = request.COOKIES.get(COOKIE, "")[:1_000].split(".")
    return [int(part) for part in written if part.isascii() and part.isdigit() and len(part) < 19][-IDS_MAX:]


def closed_hold(response: HttpResponse, ids: Sequence[int]) -> None:
    """Have a browser remember these ids for a year."""
    response.set_cookie(
        COOKIE,
        ".".join(str(each) for each in ids[-IDS_MAX:]),
        max_age=SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )

"""Who asks: whether they may search at all, and the session that names them while they are not signed in."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponseBase

    View = Callable[..., HttpResponseBase]


def anybody_searches() -> bool:
    """Return whether searching needs no account here."""
    return bool(settings.CONFIG.anonymous_search)


def may_search(request: HttpRequest) -> bool:
    """Return whether whoever asks may search at all."""
    return anybody_searches() or request.user.is_authenticated


def searchers_only(view: View) -> View:
    """Send people who are not signed in to the login page where the operator closed anonymous searching."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if may_search(request):
            return view(request, *args, **kwargs)
        return redirect_to_login(request.get_full_path() if request.method == "GET" else "/")

    return guarded


def session_of(request: HttpRequest) -> str:
    """Return the key of an anonymous person's session, "" where there is none or nobody is anonymous.

    The session is loaded first, so that a key that somebody made up is not taken for one.
    """
    if request.user.is_authenticated or not request.session.session_key:
        return ""
    request.session.get("_", None)
    return request.session.session_key or ""


def session_made(request: HttpRequest) -> str:
    """Return `session_of`, beginning a session for an anonymous person who has none.

    Only judging calls this: a search leaves no row behind.
    """
    if request.user.is_authenticated:
        return ""
    if not session_of(request):
        request.session.create()
    return request.session.session_key or ""

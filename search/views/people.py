"""Who asks: whether they may search at all."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from django.contrib.auth.views import redirect_to_login

from retrieval_site.people import may_search

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponseBase

    View = Callable[..., HttpResponseBase]


def searchers_only(view: View) -> View:
    """Send people who are not signed in to the login page where the operator closed anonymous searching."""
    return _only(lambda request: may_search(request.user), view, back="/")


def members_only(view: View) -> View:
    """Send people who are not signed in to the login page."""
    return _only(lambda request: request.user.is_authenticated, view, back="/searches/")


def _only(may: Callable[[HttpRequest], bool], view: View, back: str) -> View:
    """Send whoever may not see a page to the login page, and from there to it, or `back` from a form."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if may(request):
            return view(request, *args, **kwargs)
        return redirect_to_login(request.get_full_path() if request.method == "GET" else back)

    return guarded

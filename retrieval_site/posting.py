"""Addresses that only take forms: whoever opens one, as by an old link, is led to where the form is."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from django.http import HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import reverse

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponseBase

    View = Callable[..., HttpResponseBase]


def takes_form(opens: str, *, same_arguments: bool = True) -> Callable[[View], View]:
    """Let a view answer POST; whoever opens its address is led to the page named `opens`.

    `same_arguments`: that page takes those of the view, else none.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method == "POST":
                return view(request, *args, **kwargs)
            if request.method in ("GET", "HEAD"):
                page = reverse(opens, args=args, kwargs=kwargs) if same_arguments else reverse(opens)
                return HttpResponseRedirect(page)
            return HttpResponseNotAllowed(["POST"])

        return answered

    return decorate

"""Addresses that only take forms, and the way back: whoever opens one, as by an old link, is led to the form."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from django.http import HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponseBase

    View = Callable[..., HttpResponseBase]


def page_within(request: HttpRequest, address: str, otherwise: str) -> str:
    """Return the address that a form leads back to, where it is one of this site, else the other."""
    allowed = url_has_allowed_host_and_scheme(
        address, {request.get_host()}, require_https=request.is_secure()
    )
    return address if allowed else otherwise


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

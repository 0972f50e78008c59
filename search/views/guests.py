"""Where a guest link leads. Its key stands behind the `#`, which no browser sends: so no log and no Referer has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from retrieval_site.errors import AppError
from search.guests import links_held, links_hold
from search.services.guest_links import KEY_MAX, guest_link_of_key, guest_links_held, held_link
from search.views.indexing import unindexed
from search.views.throttling import throttled

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("key")
@never_cache
@unindexed
@throttled()
def guest(request: HttpRequest) -> HttpResponse:
    """Take a link's key for a cookie and lead to its collection; show what the guest may read, and let them leave."""
    refused = None
    if request.method == "POST":
        try:
            return _left() if "leave" in request.POST else _entered(request)
        except AppError as error:
            refused = error
    context = {"links": guest_links_held(links_held(request)), "refused": refused, "key_max": KEY_MAX}
    return render(request, "search/guest.html", context, status=refused.status if refused else 200)


def _entered(request: HttpRequest) -> HttpResponse:
    link = guest_link_of_key(request.POST.get("key", ""))
    response = redirect("search:collection", link.collection.slug)
    links_hold(response, [*links_held(request), held_link(link)])
    return response


def _left() -> HttpResponse:
    response = redirect("search:home")
    links_hold(response, [])
    return response

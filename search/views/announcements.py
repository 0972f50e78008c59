"""Closing an announcement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.shortcuts import redirect

from retrieval_site.posting import page_within, takes_form
from search.announcement_cookie import closed_hold, closed_in
from search.services.announcements import announcement_close, announcements_there
from search.views.throttling import throttled

if TYPE_CHECKING:
    from django.http import HttpRequest


@takes_form(opens="search:home", same_arguments=False)
@throttled()
def close(request: HttpRequest, announcement_id: int) -> HttpResponse:
    """Note that somebody has closed an announcement, and go back to the page; a script gets nothing to show."""
    back = page_within(request, request.POST.get("next", ""), "/")
    response = HttpResponse() if request.headers.get("HX-Request") else redirect(back)
    if request.user.is_authenticated:
        announcement_close(person=request.user, announcement_id=announcement_id)
    else:
        closed = [*dict.fromkeys([*closed_in(request), announcement_id])]
        there = announcements_there(closed)
        closed_hold(response, [each for each in closed if each in there])
    return response

"""What is new for somebody's saved searches: asking for it, looking at it, and getting no more mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from retrieval_site.errors import AppError
from retrieval_site.languages.lazy import gettext_lazy
from search.models import SavedSearch
from search.services.alerts import alerts_set, findings_of, findings_see, unsubscribe, unsubscribe_reader
from search.services.saved_searches import own_saved_search
from search.throttling import PAGE
from search.views.indexing import unindexed
from search.views.people import members_only
from search.views.throttling import throttled

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

FINDINGS_MAX = 200
_SAID = {
    "off": gettext_lazy("You are no longer told of new documents for “{name}”."),
    "page": gettext_lazy("This page tells you when something new fits “{name}”."),
    "mail": gettext_lazy("This page and an e-mail tell you when something new fits “{name}”."),
}


@require_POST
@throttled()
@members_only
def alerts(request: HttpRequest, saved_id: int) -> HttpResponse:
    """Tell somebody of new documents for a saved search, or no longer."""
    wanted = request.POST.get("alerts", "")
    if wanted not in SavedSearch.Alerts.values:
        raise AppError.of_parameter("alerts", gettext("Choose one of the ways."))
    saved = own_saved_search(saved_id, request.user)
    alerts_set(saved=saved, alerts=wanted)
    messages.success(request, _SAID[wanted].format(name=saved.name))
    return redirect("search:searches")


@require_safe
@unindexed
@throttled(PAGE)
@members_only
def findings(request: HttpRequest, saved_id: int) -> HttpResponse:
    """Show what was found for a saved search; it has been seen then."""
    saved = own_saved_search(saved_id, request.user)
    rows = findings_of(request.user).filter(saved=saved).select_related("document__collection")
    found = list(rows.prefetch_related("document__images")[:FINDINGS_MAX])
    response = render(request, "search/findings.html", {"saved": saved, "findings": found})
    if request.method == "GET":
        findings_see(findings=found)
    return response


@csrf_exempt  # mail programs send it, and the address says who it is
@require_http_methods(["GET", "HEAD", "POST"])
@unindexed
@throttled()
def no_more_mail(request: HttpRequest, token: str) -> HttpResponse:
    """Send no more mail to whom the address names: asked first, for programs open links; done at a POST."""
    unsubscribe_reader(token)
    if request.method == "POST":
        unsubscribe(token=token)
    return render(request, "search/unsubscribe.html", {"done": request.method == "POST"})

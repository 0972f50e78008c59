"""`/healthz`, `/startedz`, `/readyz` and `/metrics`, answered before everything else.

Probes come by address instead of by name and without HTTPS, so they must not meet the check of the host name or
the redirect to HTTPS; hence a middleware and no URL. Everything is told on the probes' own port
(`retrieval_site/web/probes.py`); here, where anybody may ask, only whether each part answers.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from retrieval_site.health.checks import CheckFailedError, run_checks
from retrieval_site.health.metrics import note_request
from retrieval_site.health.started import check_started

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

    from retrieval_site.health.checks import Outcome


def healthz(request: HttpRequest) -> HttpResponse:
    """Answer that this process is alive, whatever else is not."""
    return JsonResponse({"ok": True})


def startedz(request: HttpRequest) -> HttpResponse:
    """Answer 200 when this process could answer pages, else 503 and why not; a load balancer goes by it."""
    try:
        check_started()
    except CheckFailedError as failure:
        return _unlogged(JsonResponse({"ok": False, "detail": str(failure)}, status=503))
    return JsonResponse({"ok": True})


def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 when every part answers, else 503; say which do not."""
    return _readiness(lambda outcome: {"ok": outcome.ok})


def readyz_in_detail(request: HttpRequest) -> HttpResponse:
    """The same with what each part said."""
    return _readiness(lambda outcome: {"ok": outcome.ok, "detail": outcome.detail})


def _readiness(tell: Callable[[Outcome], dict[str, Any]]) -> HttpResponse:
    outcomes = run_checks()
    ok = all(outcome.ok for outcome in outcomes.values())
    checks = {name: tell(outcome) for name, outcome in outcomes.items()}
    return _unlogged(JsonResponse({"ok": ok, "checks": checks}, status=200 if ok else 503))


def _unlogged(response: JsonResponse) -> JsonResponse:
    response._has_been_logged = True  # type: ignore[attr-defined]  # a probe's 503 is no error of this process
    return response


def metrics(request: HttpRequest) -> HttpResponse:
    """Answer with the numbers of this process in Prometheus' text format."""
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


PROBE_PAGES = {"/healthz": healthz, "/startedz": startedz, "/readyz": readyz_in_detail, "/metrics": metrics}
"""What the probes' own port answers."""
PAGES = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}
OWN_NETWORK = frozenset({"/metrics", "/readyz"})
"""Not answered where HTTPS says that strangers reach this server; the probes' port answers them there too."""


class HealthMiddleware:
    """The first middleware: answers probes itself and measures every other request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        page = PAGES.get(request.path)
        if page is not None and not (settings.CONFIG.https and request.path in OWN_NETWORK):
            return _with_length(page(request))
        began = time.perf_counter()
        response = self.get_response(request)
        note_request(request, response.status_code, time.perf_counter() - began)
        return _with_length(response)


def _with_length(response: HttpResponse) -> HttpResponse:
    """Say how long an answer is, so that its connection can stay open (CommonMiddleware does not see all of them)."""
    if not response.streaming and "Content-Length" not in response:
        response["Content-Length"] = str(len(response.content))
    return response

"""`/healthz`, `/readyz` and `/metrics`, answered before everything else.

Probes come by address instead of by name and without HTTPS, so they must not meet the check of the host name or
the redirect to HTTPS; hence a middleware and no URL.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from django.http import HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from retrieval_site.health.checks import run_checks
from retrieval_site.health.metrics import note_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest


def healthz(request: HttpRequest) -> HttpResponse:
    """Answer that this process is alive, whatever else is not."""
    return JsonResponse({"ok": True})


def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 when every part answers, else 503; say which do not."""
    outcomes = run_checks()
    ok = all(outcome.ok for outcome in outcomes.values())
    checks = {name: {"ok": outcome.ok, "detail": outcome.detail} for name, outcome in outcomes.items()}
    response = JsonResponse({"ok": ok, "checks": checks}, status=200 if ok else 503)
    response._has_been_logged = True  # type: ignore[attr-defined]  # a probe's 503 is no error of this process
    return response


def metrics(request: HttpRequest) -> HttpResponse:
    """Answer with the numbers of this process in Prometheus' text format."""
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


PAGES = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}


class HealthMiddleware:
    """The first middleware: answers probes itself and measures every other request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        page = PAGES.get(request.path)
        if page is not None:
            return page(request)
        began = time.perf_counter()
        response = self.get_response(request)
        note_request(request, response.status_code, time.perf_counter() - began)
        return response

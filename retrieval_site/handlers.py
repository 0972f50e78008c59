"""Answers for addresses that do not exist and for what went wrong unexpectedly: JSON below /api/, pages elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from django.http import HttpResponse, HttpResponseServerError, JsonResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.views import defaults

from retrieval_site.addresses import API_PREFIX
from retrieval_site.errors import AppError
from retrieval_site.outages import outage_of
from retrieval_site.tracing import REQUEST_ID

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer a request that Django refused to read."""
    if not is_api(request):
        return defaults.bad_request(request, exception)
    return error_answer(AppError("request.malformed"))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer what Django itself refused."""
    if not is_api(request):
        return defaults.permission_denied(request, exception)
    return error_answer(AppError("permission.denied"))


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer an address that does not exist."""
    if not is_api(request):
        return defaults.page_not_found(request, exception)
    return error_answer(AppError("url.not_found"))


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Answer an unknown exception, which Django has logged with its traceback by now; the id finds it in the log.

    One that says that a part of the server is away, also in the middle of a middleware, is answered as just that.
    """
    if outage := outage_of(sys.exception()):
        return error_answer(outage) if is_api(request) else _outage_page(outage)
    if not is_api(request):
        # Without context processors: they ask for what may have broken, the database, session or user.
        return HttpResponseServerError(render_to_string("500.html", {"csrf_token": get_token(request)}))
    return error_answer(AppError("server.error", request_id=REQUEST_ID.get()))


def _outage_page(outage: AppError) -> HttpResponse:
    """Say what does not work; without context processors, which ask for what may be away."""
    page = render_to_string("503.html", {"error": outage})
    return HttpResponse(page, status=outage.status, headers=outage.headers)


def too_many_requests(request: HttpRequest) -> HttpResponseBase:
    """Refuse who tried too often in allauth's pages; raises AppError `throttle.exceeded`."""
    raise AppError("throttle.exceeded", retry_after_seconds=60)


def is_api(request: HttpRequest) -> bool:
    """Return whether a program asks, which wants JSON."""
    return request.path.startswith(API_PREFIX)


def error_answer(error: AppError) -> JsonResponse:
    """Return the one error shape."""
    return JsonResponse(error.as_json(), status=error.status, headers=error.headers)

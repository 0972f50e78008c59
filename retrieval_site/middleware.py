"""A request id on every answer and log line, expected failures as pages, and no page in a shared cache."""

from __future__ import annotations

import logging
import re
import uuid
from typing import TYPE_CHECKING

from django.shortcuts import render

from retrieval_site.addresses import with_slash
from retrieval_site.errors import AppError
from retrieval_site.tracing import REQUEST_ID

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestIdMiddleware:
    """Take the caller's `X-Request-ID` or make one; answer with it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if GIVEN_ID.fullmatch(given) else uuid.uuid4().hex[:12]
        request.request_id = request_id  # type: ignore[attr-defined]  # Django's own log lines come behind this
        token = REQUEST_ID.set(request_id)
        try:
            response = self.get_response(request)
        finally:
            REQUEST_ID.reset(token)
        response["X-Request-ID"] = request_id
        return response


class ApiSlashMiddleware:
    """Answer an address of the API without its last slash as the one with it, whatever the method.

    A redirect would make a GET of a POST, and lose its body.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.path_info = with_slash(request.path_info)
        request.path = with_slash(request.path)
        return self.get_response(request)


class RequestIdFilter(logging.Filter):
    """Give every log record the id of the request that it belongs to."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True always; only adds `request_id`, where the record has none of its own.

        Django writes of a refused or failed request once all middleware is over, and brings the request along.
        """
        request = getattr(record, "request", None)
        of_request = getattr(request, "request_id", REQUEST_ID.get())
        record.request_id = getattr(record, "request_id", of_request)
        return True


_NUL_IN_ADDRESS = "%00"
_ADMIN_PREFIX = "/admin/"


class AppErrorMiddleware:
    """Show an `AppError` raised by a page as a page with its sentence and id (the API has its own handler).

    A NUL character in an address of the admin is refused here, since its filters and searches hand it to the database.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(_ADMIN_PREFIX) and _NUL_IN_ADDRESS in request.META.get("QUERY_STRING", ""):
            refusal = AppError("request.malformed/nul")
            return self._page(request, refusal)
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the error page for an `AppError`; leave anything else to Django."""
        if not isinstance(exception, AppError):
            return None
        return self._page(request, exception)

    @staticmethod
    def _page(request: HttpRequest, error: AppError) -> HttpResponse:
        response = render(request, "error.html", {"error": error}, status=error.status)
        for name, value in error.headers.items():
            response[name] = value
        return response


class PrivateAnswersMiddleware:
    """Keep every answer that says nothing else out of shared caches: what a page shows depends on who asks, and when.

    A browser may keep it, and asks again before it shows it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "private, no-cache")
        return response

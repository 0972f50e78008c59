"""Every failure that a caller can act on leaves the API in one shape; everything else stays a loud 500."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from retrieval_site.errors import AppError
from retrieval_site.outages import outage_of
from retrieval_site.throttling import too_often
from workers.inference.errors import InferenceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)


def exception_handler(exception: Exception, context: Mapping[str, Any]) -> Response | None:
    """Answer an expected failure; None (an unknown one) makes REST framework raise it again.

    Django then logs it with its traceback and answers by `retrieval_site.handlers.server_error`.
    """
    error = as_app_error(exception)
    if error is None:
        if (error := outage_of(exception)) is None:
            return None
        log.warning("%s: %s", error.id, exception)
    set_rollback()
    return Response(error.as_json(), status=error.status, headers=_headers(error))


def as_app_error(exception: Exception) -> AppError | None:
    """Return the error to show for an expected exception, None for an unknown one."""
    if isinstance(exception, AppError):
        return exception
    for kind, convert in _CONVERTERS:
        if isinstance(exception, kind):
            return convert(exception)
    return None


def _headers(error: AppError) -> dict[str, str]:
    if error.status == 401:
        return {"WWW-Authenticate": "Bearer"}
    return error.headers


def _validation(exception: exceptions.ValidationError) -> AppError:
    detail = exception.detail if isinstance(exception.detail, dict) else {"request": exception.detail}
    fields = {("request" if name == "non_field_errors" else name): value for name, value in detail.items()}
    names = ", ".join(sorted(fields))
    return AppError.quoting("parameter.invalid", f"These parameters cannot be used: {names}.", fields)


def _throttled(exception: exceptions.Throttled) -> AppError:
    wait: float | None = getattr(exception, "wait", None)
    return too_often(wait or 0.0)


def _inference(exception: InferenceError) -> AppError:
    return AppError.quoting(exception.id, exception.message, exception.detail)


def _own_code(exception: exceptions.APIException) -> AppError:
    """Our authenticators put the error's id into the code, as `token.expired`."""
    code = str(getattr(exception.detail, "code", ""))
    fallback = "permission.denied" if exception.status_code == 403 else "auth.required"
    return AppError.quoting(code if "." in code else fallback, str(exception.detail))


def _as(name: str) -> Callable[[Any], AppError]:
    """Return what makes any such exception one error of the table."""
    return lambda exception: AppError(name)


def _quoted(error_id: str) -> Callable[[Any], AppError]:
    """Return what makes such an exception one error, in REST framework's own words."""
    return lambda exception: AppError.quoting(error_id, str(exception.detail))


# The first match wins: subclasses stand before their bases.
_CONVERTERS: list[tuple[type[Exception], Callable[[Any], AppError]]] = [
    (InferenceError, _inference),
    (exceptions.ValidationError, _validation),
    (exceptions.Throttled, _throttled),
    (exceptions.ParseError, _as("request.malformed/content")),
    (exceptions.NotAuthenticated, _own_code),
    (exceptions.AuthenticationFailed, _own_code),
    (exceptions.PermissionDenied, _own_code),
    (exceptions.NotFound, _as("url.not_found")),
    (exceptions.MethodNotAllowed, _quoted("method.not_allowed")),
    (exceptions.NotAcceptable, _quoted("accept.not_supported")),
    (exceptions.UnsupportedMediaType, _quoted("media_type.not_supported")),
    (Http404, _as("url.not_found")),
    (PermissionDenied, _as("permission.denied")),
    (RequestDataTooBig, _as("request.too_large/body")),
    (TooManyFieldsSent, _as("request.too_large/fields")),
    (TooManyFilesSent, _as("request.too_large/files")),
    (UnreadablePostError, _as("request.malformed")),
    (SuspiciousOperation, _as("request.malformed")),
]

"""Every failure that a caller can act on leaves the API in one shape; everything else stays a loud 500."""

from __future__ import annotations

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
from retrieval_site.throttling import too_often
from workers.inference.errors import InferenceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def exception_handler(exception: Exception, context: Mapping[str, Any]) -> Response | None:
    """Answer an expected failure; None (an unknown one) makes REST framework raise it again.

    Django then logs it with its traceback and answers by `retrieval_site.handlers.server_error`.
    """
    error = as_app_error(exception)
    if error is None:
        return None
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


def invalid(field: str, sentence: str) -> AppError:
    """Return the error for one parameter whose value cannot be used."""
    return AppError("parameter.invalid", sentence, detail={field: [sentence]})


def _headers(error: AppError) -> dict[str, str]:
    if error.status == 401:
        return {"WWW-Authenticate": "Bearer"}
    return error.headers


def _validation(exception: exceptions.ValidationError) -> AppError:
    detail = exception.detail if isinstance(exception.detail, dict) else {"request": exception.detail}
    fields = {("request" if name == "non_field_errors" else name): value for name, value in detail.items()}
    names = ", ".join(sorted(fields))
    return AppError("parameter.invalid", f"These parameters cannot be used: {names}.", detail=fields)


def _throttled(exception: exceptions.Throttled) -> AppError:
    wait: float | None = getattr(exception, "wait", None)
    return too_often(wait or 0.0)


def _inference(exception: InferenceError) -> AppError:
    return AppError(exception.id, exception.message, detail=exception.detail)


def _own_code(exception: exceptions.APIException) -> AppError:
    """Our authenticators put the error's id into the code, as `token.expired`."""
    code = str(getattr(exception.detail, "code", ""))
    fallback = "permission.denied" if exception.status_code == 403 else "auth.required"
    return AppError(
        code if "." in code else fallback, _sentence(exception.detail), status=exception.status_code
    )


def _sentence(detail: Any) -> str:
    return str(detail)


def _fixed(error_id: str, status: int, message: str = "") -> Callable[[Any], AppError]:
    def convert(exception: Any) -> AppError:
        return AppError(error_id, message or _sentence(exception.detail), status=status)

    return convert


_MISSING = _fixed("url.not_found", 404, "There is nothing at this address.")
_MALFORMED = _fixed("request.malformed", 400, "The request's body or headers cannot be read.")
# The first match wins: subclasses stand before their bases.
_CONVERTERS: list[tuple[type[Exception], Callable[[Any], AppError]]] = [
    (InferenceError, _inference),
    (exceptions.ValidationError, _validation),
    (exceptions.Throttled, _throttled),
    (exceptions.ParseError, _fixed("request.malformed", 400, "The body is not what its Content-Type says.")),
    (exceptions.NotAuthenticated, _own_code),
    (exceptions.AuthenticationFailed, _own_code),
    (exceptions.PermissionDenied, _own_code),
    (exceptions.NotFound, _MISSING),
    (exceptions.MethodNotAllowed, _fixed("method.not_allowed", 405)),
    (exceptions.NotAcceptable, _fixed("accept.not_supported", 406)),
    (exceptions.UnsupportedMediaType, _fixed("media_type.not_supported", 415)),
    (Http404, _MISSING),
    (PermissionDenied, _fixed("permission.denied", 403, "You may not do this.")),
    (RequestDataTooBig, _fixed("request.too_large", 413, "The request's body is larger than is accepted.")),
    (TooManyFieldsSent, _fixed("request.too_large", 413, "The request has more fields than are accepted.")),
    (TooManyFilesSent, _fixed("request.too_large", 413, "The request has more files than are accepted.")),
    (UnreadablePostError, _MALFORMED),
    (
        MemoryError,
        _fixed("server.memory", 503, "This request needs more memory than the server has for it."),
    ),
    (SuspiciousOperation, _MALFORMED),
]

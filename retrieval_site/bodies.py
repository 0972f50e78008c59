"""How large a request's body may be, and who may send one: declared beside the view, asked before the body is read.

The web server looks the rule up as soon as it has a request's headers. A body that is too large, and one whose sender
may not send it, is never read; `BodyMiddleware` gives the answer, and holds the same rules where another server runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.shortcuts import render
from django.urls import Resolver404, resolve

from retrieval_site.addresses import with_slash
from retrieval_site.config import MIB
from retrieval_site.errors import AppError
from retrieval_site.handlers import error_answer, is_api

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest, HttpResponse, HttpResponseBase

SMALL_BYTES = MIB
"""A form or JSON, and what a form may hold beside its file."""
PENDING = "sightline.pending_body"
_View = TypeVar("_View", bound=Callable[..., Any])


@dataclass
class PendingBody:
    """Stands in a request whose body waits to be read: the application grants that or answers at once.

    `small`: it is known to be no longer than a form or JSON that anybody may send.
    """

    small: bool = False
    granted: bool = False


def body_too_large(max_bytes: int) -> AppError:
    """Return the refusal of a body that is longer than its address takes."""
    return AppError("request.too_large", max_bytes=max_bytes)


@dataclass(frozen=True)
class BodyRule:
    """At most the bytes that the operator set by `setting`, times `files`, and a form around them.

    Only a multipart form may be so long: its files go to the disk. JSON and other bodies, which are read into memory,
    have at most `text_bytes`.

    `refusal` returns the answer to somebody who may not send a body here, else None; without it anybody may.
    `shown` returns the page that says that a body is too long, without reading it; else it is a page of its own.
    """

    setting: str = ""
    files: int = 1
    text_bytes: int = SMALL_BYTES
    too_large: Callable[[int], AppError] = body_too_large
    refusal: Callable[[HttpRequest, Mapping[str, Any]], HttpResponseBase | None] | None = None
    shown: Callable[[HttpRequest, AppError, Mapping[str, Any]], HttpResponseBase] | None = None
    open_to_all: Callable[[], bool] = lambda: False

    def max_bytes(self, content_type: str) -> int:
        """Return how long a body of this type may be at most."""
        return self.text_bytes + (self.files * self._file_bytes if self._takes_files(content_type) else 0)

    def refusal_of_length(self, content_type: str) -> AppError:
        """Return what a longer body is told."""
        if self._takes_files(content_type):
            return self.too_large(self._file_bytes)
        return body_too_large(self.text_bytes)

    @property
    def _file_bytes(self) -> int:
        return int(getattr(settings.CONFIG, self.setting))

    def _takes_files(self, content_type: str) -> bool:
        return bool(self.setting) and content_type.lower().startswith("multipart/form-data")

    @property
    def asks(self) -> bool:
        """Whether who sends it decides."""
        return self.refusal is not None and not self.open_to_all()


SMALL = BodyRule()


def takes_body(rule: BodyRule) -> Callable[[_View], _View]:
    """Declare a view's rule; views without one take 1 MiB from anybody."""

    def declare(view: _View) -> _View:
        view.body_rule = rule  # type: ignore[attr-defined]
        return view

    return declare


def rule_of(view: Callable[..., Any]) -> BodyRule:
    """Return the rule of a view function or of the class behind it."""
    rule = getattr(view, "body_rule", None) or getattr(getattr(view, "cls", None), "body_rule", None)
    return rule if isinstance(rule, BodyRule) else SMALL


def rule_of_path(path: str) -> BodyRule:
    """Return the rule of the view that answers at `path`."""
    try:
        return rule_of(resolve(with_slash(path)).func)
    except Resolver404:
        return SMALL


class BodyMiddleware:
    """Refuse by length and rights before anything reads the body; stands before the CSRF check, which does."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Mapping[str, Any]
    ) -> HttpResponseBase | None:
        """Return the refusal, or for a body that waits the empty answer that grants it, or None."""
        rule = rule_of(view)
        content_type = request.META.get("CONTENT_TYPE", "")
        if "HTTP_TRANSFER_ENCODING" in request.META:
            return refused(request, _length_required())
        if announced_bytes(request) > rule.max_bytes(content_type):
            error = rule.refusal_of_length(content_type)
            return rule.shown(request, error, kwargs) if rule.shown else refused(request, error)
        pending: PendingBody | None = request.META.get(PENDING)
        if rule.asks and rule.refusal is not None and (pending or has_body(request)):
            refusal = rule.refusal(request, kwargs)
            if refusal is not None:
                return refusal
        return _grant(pending) if pending else None


def _length_required() -> AppError:
    """Return the refusal of a body in chunks by a server that does not put them together, as ours does."""
    return AppError("request.length_required")


def announced_bytes(request: HttpRequest) -> int:
    """Return the body's length as its header gives it; 0 where it does not."""
    announced = str(request.META.get("CONTENT_LENGTH") or "0")
    return int(announced) if announced.isascii() and announced.isdigit() else 0


def may_send(check: Callable[[HttpRequest], bool], back: str = "") -> Callable[..., HttpResponseBase | None]:
    """Return the refusal of a page that takes bodies only from people for whom `check` is true.

    Others sign in first and come back to the page, or to `back` where that only takes forms.
    """

    def refusal(request: HttpRequest, kwargs: Mapping[str, Any]) -> HttpResponseBase | None:
        if check(request):
            return None
        if not request.user.is_authenticated:
            return redirect_to_login(back or request.get_full_path())
        return refused(request, AppError("permission.denied/send"))

    return refusal


def has_body(request: HttpRequest) -> bool:
    """Return whether there is anything to read."""
    return announced_bytes(request) > 0


def has_small_body(request: HttpRequest) -> bool:
    """Return whether the body is announced to be no longer than what every address takes from anybody."""
    pending: PendingBody | None = request.META.get(PENDING)
    return pending.small if pending else 0 < announced_bytes(request) <= SMALL_BYTES


def _grant(pending: PendingBody) -> HttpResponseBase:
    from django.http import HttpResponse

    pending.granted = True
    return HttpResponse(status=204)


def refused(request: HttpRequest, error: AppError) -> HttpResponseBase:
    """Return an error as JSON for programs, as a page for people."""
    if is_api(request):
        return error_answer(error)
    return render(request, "error.html", {"error": error}, status=error.status)

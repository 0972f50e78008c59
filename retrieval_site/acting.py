"""On whose behalf the code runs: of the request that is answered, of the job that runs, or of nobody in particular."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.http import HttpRequest, HttpResponse

PAGE, API, ADMIN, JOB, SYSTEM = "page", "api", "admin", "job", "system"


@dataclass(frozen=True)
class Actor:
    """Who does something, and by which way. `token` names the key that a program came with."""

    user: Any = None
    via: str = SYSTEM
    token: str = ""


_request: ContextVar[HttpRequest | None] = ContextVar("acting_request", default=None)
_job_owner: ContextVar[Any] = ContextVar("acting_job_owner", default=None)
_in_job: ContextVar[bool] = ContextVar("acting_in_job", default=False)


def actor_now() -> Actor:
    """Return who is acting. The user of a request is read now: a token is recognised after the request has begun."""
    request = _request.get()
    if request is None:
        return Actor(_job_owner.get(), JOB) if _in_job.get() else Actor()
    user = getattr(request, "user", None)
    token = getattr(request, "api_token", None) or getattr(request, "auth", None)
    known = user if getattr(user, "is_authenticated", False) else None
    return Actor(known, _way(request.path), getattr(token, "name", ""))


def _way(path: str) -> str:
    if path.startswith("/api/"):
        return API
    return ADMIN if path.startswith("/admin/") else PAGE


class ActingMiddleware:
    """Let what is done while a request is answered be known as its user's."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = _request.set(request)
        try:
            return self.get_response(request)
        finally:
            _request.reset(token)


@contextmanager
def acting_for_job(owner: Any) -> Iterator[None]:
    """Let what a job does be known as its owner's."""
    tokens = _job_owner.set(owner), _in_job.set(True)
    try:
        yield
    finally:
        _job_owner.reset(tokens[0])
        _in_job.reset(tokens[1])

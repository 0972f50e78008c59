"""Health and metrics on a port and threads of their own, so that they answer while everything else is busy."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.core.handlers.wsgi import WSGIRequest
from django.db import close_old_connections
from django.http import HttpResponse, HttpResponseNotFound, JsonResponse

from retrieval_site.health.middleware import PROBE_PAGES
from retrieval_site.web.server import Server, adjustments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from retrieval_site.web.parser import Front

PROBE_THREADS = 6
"""Of each of the two that ask others, one runs and `WAITING_MOST` wait; so two are always left for `/healthz`."""
WAITING_MOST = 1
WAIT_SECONDS = 3.0
OF_THIS_PROCESS = frozenset({"/healthz", "/startedz"})


class _OneAtATime:
    """Lets one thread ask others at a time: a database that neither answers nor refuses holds one, not all of them."""

    def __init__(self) -> None:
        self._there = threading.BoundedSemaphore(1 + WAITING_MOST)
        self._running = threading.Lock()

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """Yield whether it is this thread's turn, after `WAIT_SECONDS` at most; False at once where others wait."""
        if not self._there.acquire(blocking=False):
            yield False
            return
        try:
            has_turn = self._running.acquire(timeout=WAIT_SECONDS)
            try:
                yield has_turn
            finally:
                if has_turn:
                    self._running.release()
        finally:
            self._there.release()


class ProbeApplication:
    """A small WSGI application beside Django's: no middleware, no host names, no sessions."""

    def __init__(self, stuck_seconds: Callable[[], float], limit_seconds: float) -> None:
        self._stuck_seconds = stuck_seconds
        self._limit_seconds = limit_seconds
        self._checking, self._measuring = _OneAtATime(), _OneAtATime()
        self._has_started = False

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        response = self._answer(environ)
        status = f"{response.status_code} {HTTPStatus(response.status_code).phrase}"
        response["Content-Length"] = str(len(response.content))
        start_response(status, [(name, str(value)) for name, value in response.items()])
        return [response.content]

    def _answer(self, environ: dict[str, Any]) -> HttpResponse:
        path = str(environ["PATH_INFO"])
        if path in OF_THIS_PROCESS and (stuck := self._stuck_seconds()) > self._limit_seconds:
            detail = f"Requests wait and no thread has ended its work for {stuck:.0f} s."
            return JsonResponse({"ok": False, "detail": detail}, status=503)
        page = PROBE_PAGES.get(path)
        if page is None:
            return HttpResponseNotFound()
        if path == "/startedz":
            return self._started(environ)
        if path == "/metrics":
            return self._measured(environ)
        return self._checked(path, environ) if path == "/readyz" else page(WSGIRequest(environ))

    def _started(self, environ: dict[str, Any]) -> HttpResponse:
        """Ask until it is so: what goes away afterwards is missing to every process, and pages say it better."""
        if not self._has_started:
            response = self._checked("/startedz", environ)
            self._has_started = response.status_code == HTTPStatus.OK
            return response
        return JsonResponse({"ok": True})

    def _checked(self, path: str, environ: dict[str, Any]) -> HttpResponse:
        with self._checking.turn() as has_turn:
            if has_turn:
                return _page(path, environ)
        checks = {"readiness": {"ok": False, "detail": "An earlier check does not end."}}
        return JsonResponse({"ok": False, "checks": checks}, status=503)

    def _measured(self, environ: dict[str, Any]) -> HttpResponse:
        with self._measuring.turn() as has_turn:
            if has_turn:
                return _page("/metrics", environ)
        return HttpResponse(
            "An earlier look-up of numbers does not end.\n", status=503, content_type="text/plain"
        )


def _page(path: str, environ: dict[str, Any]) -> HttpResponse:
    """Answer with a page that asks the database: no request begins or ends here, which would look at connections."""
    close_old_connections()
    try:
        return PROBE_PAGES[path](WSGIRequest(environ))
    finally:
        close_old_connections()


def start_probes(main: Server, shared: Front) -> Server:
    """Answer probes about `main` from a thread of their own; returns their server."""
    config = shared.config
    adj = adjustments(config.probe_host, config.probe_port, PROBE_THREADS)
    server = Server(ProbeApplication(main.stuck_seconds, config.stuck_seconds), shared, adj)
    threading.Thread(target=server.serve, name="probes", daemon=True).start()
    return server

"""A server whose threads are all stuck says so to its liveness probe; one that is only busy does not."""

from __future__ import annotations

import io
from typing import Any

from retrieval_site.web.probes import ProbeApplication

LIMIT_SECONDS = 120.0


def asked(stuck_seconds: float, path: str = "/healthz") -> tuple[int, bytes]:
    status: list[str] = []
    application = ProbeApplication(lambda: stuck_seconds, LIMIT_SECONDS)
    environ: dict[str, Any] = {"PATH_INFO": path, "REQUEST_METHOD": "GET", "wsgi.input": io.BytesIO()}
    body = b"".join(application(environ, lambda line, headers: status.append(line)))
    return int(status[0].split()[0]), body


def test_a_stuck_server_gets_no_further_requests() -> None:
    assert asked(LIMIT_SECONDS + 1, "/startedz")[0] == 503


def test_healthz_fails_when_requests_wait_and_no_thread_ends_its_work() -> None:
    assert asked(LIMIT_SECONDS - 1)[0] == 200
    status, body = asked(LIMIT_SECONDS + 1)
    assert status == 503
    assert b"no thread has ended its work" in body

"""gunicorn's settings (`-c python:retrieval_site.web_server`): one process, threads that wait for workers.

Threads were measured five times faster here than ASGI, whose Celery results keep a connection per thread.
"""

from __future__ import annotations

import gc
import os
import signal
from pathlib import Path
from typing import Any

from retrieval_site.supervisor.processes import tied_to_parent

_host = os.environ.get("HOST", "127.0.0.1")
_shared_memory = Path("/dev/shm")  # noqa: S108 — memory, for the heartbeat file

bind = (
    f"[{_host}]:{os.environ.get('PORT', '8000')}"
    if ":" in _host
    else f"{_host}:{os.environ.get('PORT', '8000')}"
)
worker_class = "gthread"
workers = 1
threads = int(os.environ.get("WEB_THREADS", "16"))
keepalive = 30
timeout = 120
graceful_timeout = 8
accesslog = "-"
# Without the query: it may hold what is secret.
access_log_format = '%(h)s "%(m)s %(U)s %(H)s" %(s)s %(b)s %(D)sus [%({x-request-id}o)s]'
control_socket_disable = True
worker_tmp_dir = str(_shared_memory) if _shared_memory.is_dir() else None

GARBAGE_OBJECTS = 50_000
"""How many objects arise before the collector looks: those of a search go by themselves, and 700 is soon reached."""


def post_worker_init(worker: Any) -> None:
    """Load what the first request would wait for: every page's code (200 ms), the connections to the broker."""
    from django.urls import resolve

    from workers.query import connections_warm

    resolve("/api/v1/search/")
    connections_warm()
    # What stands now stays for ever: the collector need not look through it again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS, 20, 20)


def post_fork(server: Any, worker: Any) -> None:
    """Let the process that answers end with its master, so that a killed server frees its port at once."""
    tied_to_parent(signal.SIGKILL, parent=server.pid)()

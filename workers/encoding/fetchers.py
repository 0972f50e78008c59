"""The fetchers of this worker process: started when the first picture's address comes, shared by all its threads."""

from __future__ import annotations

import atexit
import os
import threading

from django.conf import settings

from workers.fetching.fetch import FetchLimits
from workers.fetching.pool import Fetchers

_lock = threading.Lock()
_running: dict[FetchLimits, Fetchers] = {}


def fetchers() -> Fetchers:
    """Return the fetchers under the limits that the operator set."""
    config = settings.CONFIG
    limits = FetchLimits(
        config.picture_max_bytes,
        config.picture_url_seconds,
        tuple(config.picture_url_ports),
        tuple(config.picture_url_networks),
        os.environ.get("SSL_CERT_FILE", ""),
    )
    with _lock:
        if limits not in _running:
            _running[limits] = Fetchers(limits)
        return _running[limits]


def fetchers_close() -> None:
    """End the fetchers of this process."""
    with _lock:
        while _running:
            _running.popitem()[1].close()


atexit.register(fetchers_close)

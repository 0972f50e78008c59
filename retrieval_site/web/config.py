"""What an operator may set of the web server; docs/settings.md lists it for people."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import environ

from retrieval_site.config import MIB


@dataclass(frozen=True)
class WebConfig:
    """Addresses, threads and the limits that keep one sender from holding the others up."""

    host: str
    port: int
    threads: int
    probe_host: str
    probe_port: int
    header_timeout_seconds: float
    body_timeout_seconds: float
    answer_timeout_seconds: float
    min_bytes_per_second: int
    keepalive_seconds: float
    connections_max: int
    connections_per_address: int
    uploads_max_bytes: int
    stuck_seconds: float
    trusted_proxies: int = 0
    https: bool = False
    spool_dir: Path | None = None
    """Where bodies wait; None: below the data folder."""


def read_web_config() -> WebConfig:
    """Read every variable once; a value of the wrong type raises `ImproperlyConfigured` naming it."""
    env = environ.Env()
    proxies = env.int("TRUSTED_PROXIES", default=0)
    connections = env.int("CONNECTIONS_MAX", default=500)
    spool = env.str("SPOOL_DIR", default="")
    return WebConfig(
        host=env.str("HOST", default="127.0.0.1"),
        port=env.int("PORT", default=8000),
        threads=env.int("WEB_THREADS", default=16),
        probe_host=env.str("PROBE_HOST", default="127.0.0.1"),
        probe_port=env.int("PROBE_PORT", default=0),
        header_timeout_seconds=env.float("HEADER_TIMEOUT_SECONDS", default=10.0),
        body_timeout_seconds=env.float("BODY_TIMEOUT_SECONDS", default=20.0),
        answer_timeout_seconds=env.float("ANSWER_TIMEOUT_SECONDS", default=30.0),
        min_bytes_per_second=env.int("MIN_BYTES_PER_SECOND", default=4096),
        keepalive_seconds=env.float("KEEPALIVE_SECONDS", default=30.0),
        connections_max=connections,
        # A proxy's address stands for everybody behind it.
        connections_per_address=env.int(
            "CONNECTIONS_PER_ADDRESS", default=connections if proxies else connections // 5
        ),
        uploads_max_bytes=env.int("UPLOADS_MAX_BYTES", default=16 * 1024 * MIB),
        spool_dir=Path(spool).resolve() if spool else None,
        # Four times what a search waits at most: no thread that works is silent for so long while others wait.
        stuck_seconds=env.float("STUCK_SECONDS", default=120.0),
        trusted_proxies=proxies,
        https=env.bool("HTTPS", default=False),
    )

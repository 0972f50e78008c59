"""What an operator may set of the web server; docs/settings.md lists it for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval_site.config import MIB
from retrieval_site.environment import PORT_MAX, Environment

if TYPE_CHECKING:
    from pathlib import Path


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


def read_web_config(env: Environment | None = None) -> WebConfig:
    """Read every variable once; a value of the wrong type raises `ImproperlyConfigured` naming it."""
    env = env or Environment()
    proxies = env.integer("TRUSTED_PROXIES", 0)
    connections = env.integer("CONNECTIONS_MAX", 500, least=1)
    return WebConfig(
        host=env.text("HOST", "127.0.0.1"),
        port=env.integer("PORT", 8000, most=PORT_MAX),
        threads=env.integer("WEB_THREADS", 16, least=1),
        probe_host=env.text("PROBE_HOST", "127.0.0.1"),
        probe_port=env.integer("PROBE_PORT", 0, most=PORT_MAX),
        header_timeout_seconds=env.number("HEADER_TIMEOUT_SECONDS", 10.0, least=0.001),
        body_timeout_seconds=env.number("BODY_TIMEOUT_SECONDS", 20.0, least=0.001),
        answer_timeout_seconds=env.number("ANSWER_TIMEOUT_SECONDS", 30.0, least=0.001),
        min_bytes_per_second=env.integer("MIN_BYTES_PER_SECOND", 4096),
        keepalive_seconds=env.number("KEEPALIVE_SECONDS", 30.0),
        connections_max=connections,
        # A proxy's address stands for everybody behind it.
        connections_per_address=env.integer(
            "CONNECTIONS_PER_ADDRESS", connections if proxies else max(1, connections // 5), least=1
        ),
        uploads_max_bytes=env.integer("UPLOADS_MAX_BYTES", 16 * 1024 * MIB, least=1),
        spool_dir=env.path("SPOOL_DIR"),
        # Four times what a search waits at most: no thread that works is silent for so long while others wait.
        stuck_seconds=env.number("STUCK_SECONDS", 120.0, least=0.001),
        trusted_proxies=proxies,
        https=env.flag("HTTPS"),
    )

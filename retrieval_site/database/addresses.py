"""Addresses of PostgreSQL, as `DATABASE_URL` writes them, and as Django's settings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

APPLICATION = "sightline"
"""What connections call themselves (`application_name`), where the address says nothing else."""
PATIENCE = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
"""A server whose machine or network is gone is given up after a minute; the system's own defaults take two hours."""
OF_REPLICA = PATIENCE | {"connect_timeout": "3", "tcp_user_timeout": "5000"}
"""It is given up sooner: the primary can answer in its place."""
_SECRET = re.compile(r"([?&](?:password|sslpassword|oauth_client_secret)=)[^&]*")
"""A parameter of libpq that nobody else may read."""


def database_settings(url: str, patience: dict[str, str]) -> dict[str, object]:
    """Return `postgresql://user:password@host:port/name?host=/socket/dir` as Django's dictionary.

    `patience`: libpq's limits to waiting, where the address says nothing else.
    """
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "retrieval_site.database",
        "NAME": unquote(parts.path.lstrip("/")) or "sightline",
        "USER": unquote(parts.username or query.pop("user", "")),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", parts.hostname or ""),
        "PORT": parts.port or query.pop("port", ""),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"server_side_binding": True, "application_name": APPLICATION, **patience, **query},
    }


def application_of(settings: Mapping[str, Any]) -> str:
    """Return what a database's connections call themselves by its settings, where no request is answered."""
    return str(settings["OPTIONS"].get("application_name", APPLICATION))


def without_password(url: str) -> str:
    """Return an address with `PASSWORD` in place of each password that it has."""
    shown, parts = _SECRET.sub(r"\1PASSWORD", url), urlsplit(url)
    if not parts.password:
        return shown
    user, _, host = parts.netloc.rpartition("@")
    return shown.replace(parts.netloc, f"{user.partition(':')[0]}:PASSWORD@{host}", 1)

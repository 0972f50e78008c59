"""The settings of the site as a backup keeps them: what an operator set, its secrets only where asked for."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings

WITHHELD = "(withheld)"
CONFIDENTIAL = frozenset(
    {
        *("secret_key", "database_url", "database_read_url", "redis_url", "vector_shards"),
        *("email_host_password", "hub_token", "source_s3_key_id", "source_s3_secret"),
    }
)
"""Fields of `Config` that are secrets or may hold a password."""


def settings_said(*, with_keys: bool) -> bytes:
    """Return the settings as JSON; those of `CONFIDENTIAL` only with `with_keys`."""
    values = {name: _plain(value) for name, value in asdict(settings.CONFIG).items()}
    if not with_keys:
        values |= {name: WITHHELD for name in CONFIDENTIAL if values[name]}
    return json.dumps(values, indent=1, sort_keys=True).encode() + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def secret_key_of(said: bytes) -> str:
    """Return the secret key that a backup's settings hold, "" where they were kept without."""
    key = str(json.loads(said).get("secret_key", ""))
    return "" if key == WITHHELD else key

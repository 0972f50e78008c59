"""The settings of the site as a backup keeps them: what an operator set, its secrets only where asked for."""

from __future__ import annotations

import hashlib
import hmac
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
        *("client_secret", "bind_password", "key_id", "key_secret"),
    }
)
"""Fields of `Config`, and of what it holds, that are secrets or may hold a password."""

_FINGERPRINTED = b"sightline backup"


def settings_said(*, with_keys: bool) -> bytes:
    """Return the settings as JSON; those of `CONFIDENTIAL` only with `with_keys`."""
    values = _plain(asdict(settings.CONFIG), frozenset() if with_keys else CONFIDENTIAL)
    return json.dumps(values, indent=1, sort_keys=True).encode() + b"\n"


def _plain(value: Any, withheld: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {
            name: WITHHELD if name in withheld and item else _plain(item, withheld)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_plain(item, withheld) for item in value]
    return str(value) if isinstance(value, Path) else value


def secret_key_of(said: bytes) -> str:
    """Return the secret key that a backup's settings hold, "" where they were kept without."""
    key = str(json.loads(said).get("secret_key", ""))
    return "" if key == WITHHELD else key


def key_fingerprint(secret_key: str) -> str:
    """Return what shows whether two keys are the same, and not what they are; "" of none."""
    if not secret_key:
        return ""
    return hmac.new(secret_key.encode(), _FINGERPRINTED, hashlib.sha256).hexdigest()[:16]

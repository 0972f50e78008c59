"""The signature by which a receiver knows that a message is ours, and from when.

`Sightline-Signature: t=<seconds since 1970>,v1=<HMAC-SHA256 of "<t>.<body>" as hex>`.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from django.utils.crypto import get_random_string, salted_hmac

if TYPE_CHECKING:
    from search.models import Webhook

HEADER = "Sightline-Signature"
SALT_CHARACTERS = 32


def new_salt() -> str:
    """Return what a new signing key is made from."""
    return get_random_string(SALT_CHARACTERS)


def signing_key(webhook: Webhook) -> str:
    """Return the key of a webhook: of the row's salt and SECRET_KEY, so that a copy of the database holds no key."""
    return salted_hmac("sightline.webhook", webhook.salt, algorithm="sha256").hexdigest()


def signature(key: str, seconds: int, body: bytes) -> str:
    """Return the header's value for a body that is sent at this time."""
    digest = hmac.new(key.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"

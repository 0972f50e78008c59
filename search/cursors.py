"""Cursors that nobody but this installation reads or makes: encrypted, authenticated, for one caller and one day.

What a cursor counts says something of rows that its caller may not see, so signing it would not do.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken
from django.utils.crypto import salted_hmac

from retrieval_site.errors import AppError

if TYPE_CHECKING:
    from search.querysets import Viewer

VALID_SECONDS = 86_400


def cursor_seal(content: bytes, purpose: str, viewer: Viewer) -> str:
    """Return the content as an opaque string, which opens for the same purpose and the same viewer only."""
    return _fernet(purpose, viewer).encrypt(content).decode()


def cursor_open(text: str, purpose: str, viewer: Viewer) -> bytes:
    """Return the content; raises AppError `cursor.invalid` for what is made up, somebody else's or a day old."""
    try:
        return _fernet(purpose, viewer).decrypt(text.encode(), ttl=VALID_SECONDS)
    except (InvalidToken, UnicodeEncodeError) as error:
        raise AppError("cursor.invalid") from error


def _fernet(purpose: str, viewer: Viewer) -> Fernet:
    """Return the cipher under a key of its own for each purpose and viewer."""
    who = f"user {viewer.pk}" if viewer is not None and viewer.is_authenticated else "anybody"
    key = salted_hmac("search.cursors", f"{who}\n{purpose}", algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(key))

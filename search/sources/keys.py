"""The keys of a bucket: encrypted in the source's row under the site's `SECRET_KEY`, and shown to nobody."""

from __future__ import annotations

import base64
import json

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.utils.crypto import salted_hmac

from retrieval_site.errors import AppError
from search.sources.s3_requests import S3Keys


def keys_sealed(keys: S3Keys) -> str:
    """Return keys as the row holds them; raises AppError `source.keys_invalid` for half of them, or odd ones."""
    if not keys.key_id and not keys.secret:
        return ""
    if not (_is_key(keys.key_id) and _is_key(keys.secret)):
        raise AppError("source.keys_invalid")
    return _fernet().encrypt(json.dumps([keys.key_id, keys.secret]).encode()).decode()


def keys_opened(sealed: str, *, server: bool) -> S3Keys:
    """Return a source's own keys, else with `server` those of the operator, else none.

    Raises AppError `source.keys_unreadable` where the site's secret key is another one by now.
    """
    if not sealed:
        config = settings.CONFIG
        return S3Keys(config.source_s3_key_id, config.source_s3_secret) if server else S3Keys()
    try:
        key_id, secret = json.loads(_fernet().decrypt(sealed.encode()))
    except InvalidToken as error:
        raise AppError("source.keys_unreadable") from error
    return S3Keys(key_id, secret)


def _is_key(text: str) -> bool:
    return 0 < len(text) <= 500 and text.isascii() and text.isprintable() and " " not in text


def _fernet() -> Fernet:
    key = salted_hmac("search.sources.keys", "bucket", algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(key))

"""Keys for programs: made once, shown once, kept only as their SHA-256."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext

from retrieval_site.audit import audit_note
from retrieval_site.database import Prepared
from retrieval_site.errors import AppError
from retrieval_site.rows import columns
from search.models import ApiToken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from retrieval_site.rows import Columns

KEY_PREFIX = "sl_"
USE_RECORDED_EVERY = timedelta(minutes=1)


def token_create(
    *, user: Any, name: str, scopes: Iterable[str], expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """Return the new token's row and its key, which is kept nowhere and cannot be shown again.

    Raises AppError `parameter.invalid` for an unknown or missing scope and for an expiry in the past.
    """
    wanted = sorted(set(scopes))
    if not wanted or not set(wanted) <= set(ApiToken.Scope.values):
        raise AppError.of_parameter(
            "scopes", gettext("Scopes are some of {values}.").format(values=", ".join(ApiToken.Scope.values))
        )
    if expires_at is not None and expires_at <= timezone.now():
        raise AppError.of_parameter("expires_at", gettext("The expiry lies in the past."))
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        token = ApiToken.objects.create(
            user=user, name=name, scopes=wanted, digest=key_digest(key), expires_at=expires_at
        )
        until = expires_at.isoformat() if expires_at else None
        audit_note("token.created", token, named=name, scopes=wanted, expires_at=until, user=user.pk)
    return token, key


@transaction.atomic
def token_delete(*, token: ApiToken) -> None:
    """Delete a token: its key opens nothing any more."""
    audit_note("token.deleted", token, named=token.name, user=token.user_id)
    token.delete()


def token_of_key(key: str) -> ApiToken | None:
    """Return the token with its user, expired or not, None for an unknown key.

    This stands before every request of a program, so its statement is not composed anew each time.
    """
    statement, of_token, of_user = _statement()
    with connection.cursor() as cursor:
        cursor.execute(statement, [key_digest(key)])
        row = cursor.fetchone()
    if row is None:
        return None
    own, others = of_token.split(row)
    token = of_token.instance(own)
    token.user = of_user.instance(others)
    return token


@cache
def _statement() -> tuple[Prepared, Columns[ApiToken], Columns[Any]]:
    """Return the SQL with a place for the digest, and the parts of its rows."""
    user = get_user_model()
    of_token, of_user = columns(ApiToken, "token"), columns(user, "owner")
    statement = Prepared(
        f"SELECT {of_token.sql}, {of_user.sql} FROM search_apitoken token"  # noqa: S608  our own names
        f" JOIN {user._meta.db_table} owner ON owner.id = token.user_id WHERE token.digest = %s"
    )
    return statement, of_token, of_user


def token_of_header(header: str, unknown: Callable[[], None]) -> ApiToken:
    """Return the token of an `Authorization` header and record its use.

    Calls `unknown` where the key is nobody's. Raises AppError `token.invalid`, `token.expired`: a wrong key is never
    taken for nobody.
    """
    words = header.split()
    if len(words) != 2 or words[0].lower() != "bearer":
        raise AppError("token.invalid/header")
    token = token_of_key(words[1])
    if token is None or not token.user.is_active:
        unknown()
        raise AppError("token.invalid")
    if token.expires_at is not None and token.expires_at <= timezone.now():
        raise AppError("token.expired")
    token_used(token)
    return token


def check_scope(token: ApiToken, scope: str) -> None:
    """Raise AppError `scope.missing` where the token does not allow this."""
    if scope not in token.scopes:
        raise AppError("scope.missing", scope=scope)


def token_used(token: ApiToken) -> None:
    """Record the use, at most once a minute, so that reading does not become writing."""
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at >= USE_RECORDED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)


def key_digest(key: str) -> str:
    """Return the SHA-256 in hex. A key holds 256 random bits, so a slow password hash adds nothing."""
    return hashlib.sha256(key.encode()).hexdigest()

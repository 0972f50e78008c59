"""Locks under a name, for what no row stands for yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import DEFAULT_DB_ALIAS, connection, connections

from retrieval_site.errors import AppError

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

TRIES = 3
"""A pooler that others use too may give another client the session that was just free."""


def transaction_lock(name: str) -> None:
    """Let one transaction at a time go on under this name, until it ends; another waits here."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [name])


def session_locks_check() -> None:
    """Raise AppError `database.pooled` where locks of a session do not hold; ask before such a lock, in no transaction.

    A pooler in transaction mode gives each transaction to whichever session is free: a lock stays with that, and is
    given back on another.
    """
    if not session_is_own():
        raise AppError("database.pooled")


def session_is_own() -> bool:
    """Return whether the connection has a session of its own: a pooler gives it to a second connection meanwhile."""
    own, other = _session(connections[DEFAULT_DB_ALIAS]), connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        return all(_session(other) != own for _ in range(TRIES))
    finally:
        other.close()


def _session(asked: BaseDatabaseWrapper) -> int:
    with asked.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])

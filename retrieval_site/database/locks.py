"""Locks under a name, for what no row stands for yet."""

from __future__ import annotations

from django.db import connection


def transaction_lock(name: str) -> None:
    """Let one transaction at a time go on under this name, until it ends; another waits here."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [name])

"""One job at a time makes a version's vectors, so that nothing is encoded twice."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import Error, connection

from retrieval_site.database.locks import session_locks_check
from workers.jobs.errors import JobDeferred

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models_admin.models import ModelVersion

_CLASS = 0x51E7
"""Sets these advisory locks apart from others in the same database."""


@contextmanager
def version_lock(version: ModelVersion) -> Iterator[None]:
    """Hold the version while the block runs; raises JobDeferred where another job holds it.

    The lock belongs to the database session: it ends with the process that holds it, however that ends. Raises AppError
    `database.pooled` where there is no session to rely on.
    """
    session_locks_check()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s::int, %s::int)", [_CLASS, version.pk])
        if not cursor.fetchone()[0]:
            raise JobDeferred
    try:
        yield
    finally:
        _unlock(version)


def _unlock(version: ModelVersion) -> None:
    """Release the lock; where the session is gone, the lock went with it."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s::int, %s::int)", [_CLASS, version.pk])
    except Error:
        connection.close()

"""The connection for reading: a replica's where `DATABASE_READ_URL` names one, else the primary's like any other.

Inside `read`, documents, their collections and vectors are read from the replica: by Django's querysets through
`ReadingRouter`, by plain SQL through `connection`. All other rows (people, sessions, tokens, jobs, kept searches,
judgements, models) are read where they are written, and so is everything inside a transaction of the primary, which
may have written it itself.

A replica that does not answer is left alone for a while; whoever asks is answered by the primary. So is everybody
while the replica is further behind than is allowed, and somebody whose own writes it does not have yet.
"""

from __future__ import annotations

import logging
import threading
import time
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections

from retrieval_site.database.own_writes import own_position
from retrieval_site.database.replica import REPLICA, replica_has

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import Model

AWAY_SECONDS = 10.0
"""How long a replica that did not answer is not asked again."""
FROM_REPLICA = frozenset(
    {
        *("search.collection", "search.collectionfield", "search.document", "search.documentimage"),
        *("search.fieldvalue", "search.passage"),
    }
)

log = logging.getLogger(__name__)
Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")


class _Reading(threading.local):
    """Whether this thread is inside `read`."""

    by_replica = False


_reading = _Reading()
_away_until = 0.0


def alias() -> str:
    """Return the name of the connection that this thread reads by now."""
    by_replica = _reading.by_replica and not connections[DEFAULT_DB_ALIAS].in_atomic_block
    return REPLICA if by_replica else DEFAULT_DB_ALIAS


class _Connection:
    """Django's connection of the moment, for plain SQL."""

    def __getattr__(self, name: str) -> Any:
        return getattr(connections[alias()], name)


connection = _Connection()


def read(work: Callable[[], Answer]) -> Answer:
    """Return what `work` reads, by the replica where there is one; where it fails, `work` is done again by the primary.

    So `work` only reads, or can be done twice.
    """
    if _reading.by_replica or REPLICA not in connections.databases or time.monotonic() < _away_until:
        return work()
    position = own_position()
    if position is None or connections[DEFAULT_DB_ALIAS].in_atomic_block:
        return work()
    connections[REPLICA].errors_occurred = False
    try:
        _reading.by_replica = replica_has(position)
        return work()
    except (OperationalError, InterfaceError) as error:
        if not connections[REPLICA].errors_occurred:
            raise
        _leave_alone(error)
    finally:
        _reading.by_replica = False
    return work()


def reads(view: Callable[Asked, Answer]) -> Callable[Asked, Answer]:
    """Have a view that only reads do so by the replica where there is one."""

    @wraps(view)
    def reading(*args: Asked.args, **kwargs: Asked.kwargs) -> Answer:
        return read(lambda: view(*args, **kwargs))

    return reading


def _leave_alone(error: Exception) -> None:
    """Close a connection that is broken and ask the replica no more for a while; one statement may fail for itself."""
    global _away_until  # noqa: PLW0603  (one replica, known to the whole process)
    log.warning("the replica failed, so the primary is asked: %s", error)
    if not connections[REPLICA].is_usable():
        connections[REPLICA].close()
        _away_until = time.monotonic() + AWAY_SECONDS


class ReadingRouter:
    """Which connection a queryset takes."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str:
        """Return the replica inside `read`, for rows that are read from it."""
        return alias() if model._meta.label_lower in FROM_REPLICA else DEFAULT_DB_ALIAS

    def db_for_write(self, model: type[Model], **hints: Any) -> str:
        """Return the primary."""
        return DEFAULT_DB_ALIAS

    def allow_relation(self, *rows: Model, **hints: Any) -> bool:
        """Allow every relation: both have the same rows."""
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        """Allow migrations on the primary; the replica gets them from there."""
        return db == DEFAULT_DB_ALIAS

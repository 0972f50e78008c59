"""What is nobody's fault and passes: the database or Redis does not answer, the disk or the memory is full.

Such an exception may come from anywhere. Answered by an id of its own, it tells a program to try again, and a person
whom to call; any other exception stays a loud 500.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import psycopg
from django.db import InterfaceError, OperationalError
from redis import exceptions as redis_errors

from retrieval_site.errors import AppError
from workers.out_of_memory import is_out_of_memory

if TYPE_CHECKING:
    from django.db import Error

RETRY_SECONDS = 5
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_DISK_FULL = psycopg.errors.DiskFull.sqlstate
_DISK_FULL_ID = "server.disk_full"
_AWAY = ("08", "53", "57P", "58")
"""Beginnings of SQLSTATE: no connection, no room or memory, shut down or starting, a failure of its machine."""
_REDIS_AWAY = (
    redis_errors.ConnectionError,
    redis_errors.TimeoutError,
    redis_errors.OutOfMemoryError,
    redis_errors.ReadOnlyError,
)


def outage_of(exception: BaseException | None) -> AppError | None:
    """Return the error for what passes by itself or once somebody has made room, None for anything else."""
    if error := _outage(exception):
        return error
    return AppError("server.memory") if is_out_of_memory(exception) else None


def disk_is_full(exception: BaseException | None) -> bool:
    """Return whether the exception says that a disk has no room, ours or the database's."""
    error = _outage(exception)
    return error is not None and error.id == _DISK_FULL_ID


def _outage(exception: BaseException | None) -> AppError | None:
    if isinstance(exception, OperationalError | InterfaceError):
        return _of_database(exception)
    if isinstance(exception, _REDIS_AWAY):
        return AppError("server.broker", retry_after_seconds=RETRY_SECONDS)
    if isinstance(exception, OSError) and exception.errno in _NO_ROOM:
        return AppError("server.disk_full", retry_after_seconds=RETRY_SECONDS)
    return None


def _of_database(exception: Error) -> AppError | None:
    """A deadlock, a lock that was not to be had or a cancelled statement are OperationalErrors, too, and no outage."""
    state = getattr(exception.__cause__, "sqlstate", None)
    if state == _DISK_FULL:
        return AppError("server.disk_full", retry_after_seconds=RETRY_SECONDS)
    if state is None or state.startswith(_AWAY):
        return AppError("server.database", retry_after_seconds=RETRY_SECONDS)
    return None

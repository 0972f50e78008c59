"""How far the replica has come: up to which position of the primary's log, and for how long it has been behind.

A position is a place in the write-ahead log, in bytes. The primary says how far it has written, the replica how far it
has replayed; a process asks both once a second at most, and only while something is read.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, Error, connections

from retrieval_site.health.gauges import Gauge

if TYPE_CHECKING:
    from collections.abc import Iterable

REPLICA = "replica"
RECHECK_SECONDS = 1.0

_WRITTEN = "SELECT (pg_current_wal_lsn() - '0/0')::bigint"
_INSERTED = "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint"
# A server that is no standby has everything that it was given. One that is behind is as old as the last commit that it
# replayed: where nothing was committed for long that is too old, until it is asked again. Its age is NULL where it has
# replayed none since it was started.
_REPLAYED = """
    SELECT (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END
            - '0/0')::bigint,
           CASE WHEN NOT pg_is_in_recovery() THEN 0
                WHEN pg_last_xact_replay_timestamp() IS NULL THEN NULL
                ELSE greatest(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), 0) END::float
"""


@dataclass(frozen=True)
class ReplicaProgress:
    """Up to where the primary had written, up to where the replica has replayed, and how long it has been behind.

    A replica that is behind and does not know for how long has been so without end.
    """

    written: int
    replayed: int
    delay_seconds: float

    @property
    def behind_bytes(self) -> int:
        """Return how much of the primary's log it has not replayed."""
        return max(0, self.written - self.replayed)


def progress() -> ReplicaProgress:
    """Ask both servers now; raises Django's errors where one does not answer."""
    written = _asked(DEFAULT_DB_ALIAS, _WRITTEN)[0]
    replayed, age = _asked(REPLICA, _REPLAYED)
    behind = math.inf if age is None else age
    return ReplicaProgress(written, replayed, 0.0 if replayed >= written else behind)


def position_written() -> int:
    """Return a position of the primary behind everything that was committed so far."""
    return int(_asked(DEFAULT_DB_ALIAS, _INSERTED)[0])


class _Latest(threading.local):
    """What this thread asked last, and when: connections are a thread's own."""

    progress: ReplicaProgress | None = None
    asked_at = 0.0


_latest = _Latest()


def progress_forget() -> None:
    """Ask anew at the next read of this thread."""
    _latest.progress = None


def replica_has(position: int) -> bool:
    """Return whether the replica may be read by somebody who wrote up to `position`, 0 for nobody in particular.

    Never while it is further behind than `DATABASE_READ_DELAY_SECONDS`. Raises Django's errors where it is away.
    """
    known = _latest.progress
    stale = time.monotonic() - _latest.asked_at > RECHECK_SECONDS
    if known is None or stale or known.replayed < position:
        known = _latest.progress = progress()
        _latest.asked_at = time.monotonic()
    return known.delay_seconds <= settings.CONFIG.database_read_delay_seconds and position <= known.replayed


def replica_gauges() -> Iterable[Gauge]:
    """Return whether the replica answers and how far it is behind; no values where there is none."""
    values: list[dict[tuple[str, ...], float]] = [{}, {}, {}, {}]
    if REPLICA in connections.databases:
        limit = float(settings.CONFIG.database_read_delay_seconds)
        try:
            now = progress()
        except Error:
            connections[REPLICA].close()
            values = [{(): 0.0}, {}, {}, {(): limit}]
        else:
            found = (1.0, now.delay_seconds, float(now.behind_bytes), limit)
            values = [{(): value} for value in found]
    named = (
        ("replica_answers", "Whether the replica for reading answers: 1 or 0."),
        ("replica_delay_seconds", "For how long the replica has been behind the primary."),
        ("replica_behind_bytes", "How much of the primary's log the replica has not replayed."),
        ("replica_delay_limit_seconds", "DATABASE_READ_DELAY_SECONDS."),
    )
    return [Gauge(name, says, (), value) for (name, says), value in zip(named, values, strict=True)]


def _asked(alias: str, statement: str) -> tuple[int, float | None]:
    with connections[alias].cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
    return row[0], row[1] if len(row) > 1 else None

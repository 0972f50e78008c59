"""What PostgreSQL says of itself, for `/metrics`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection

from retrieval_site.health.gauges import Gauge

if TYPE_CHECKING:
    from collections.abc import Iterable

_STATISTICS = """
    SELECT pg_database_size(datid), (SELECT sum(numbackends) FROM pg_stat_database)::int,
           current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
           - current_setting('reserved_connections')::int,
           coalesce((SELECT extract(epoch FROM now() - min(xact_start)) FROM pg_stat_activity AS activity
                     WHERE activity.datid = database.datid AND pid <> pg_backend_pid()), 0)::float,
           xact_commit, xact_rollback, blks_hit, blks_read, deadlocks, temp_bytes
    FROM pg_stat_database AS database WHERE datname = current_database()
"""
_GAUGES = (
    ("database_bytes", "Size of the database."),
    ("database_connections", "Connections to the server, those of its other databases too."),
    ("database_connections_max", "Connections that the server takes of accounts without a reserve."),
    ("database_oldest_transaction_seconds", "Age of the oldest open transaction."),
)
_COUNTERS = (
    ("database_commits", "Transactions that were committed."),
    ("database_rollbacks", "Transactions that were rolled back."),
    ("database_blocks_hit", "Blocks that were found in shared_buffers."),
    ("database_blocks_read", "Blocks that were not found there."),
    ("database_deadlocks", "Deadlocks."),
    ("database_temporary_bytes", "Bytes written to temporary files."),
)


def database_gauges() -> Iterable[Gauge]:
    """Return sizes and counts of this database, and the connections of its server, by pg_stat_database."""
    with connection.cursor() as cursor:
        cursor.execute(_STATISTICS)
        row = cursor.fetchone()
    named = [(*each, False) for each in _GAUGES] + [(*each, True) for each in _COUNTERS]
    return [
        Gauge(name, says, (), {(): float(value)}, grows)
        for (name, says, grows), value in zip(named, row, strict=True)
    ]

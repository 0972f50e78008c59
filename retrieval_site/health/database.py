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
           (current_setting('archive_mode') <> 'off')::int,
           coalesce(archiver.last_failed_time > coalesce(archiver.last_archived_time, '-infinity'), FALSE)::int,
           coalesce(extract(epoch FROM archiver.last_archived_time), 0)::float,
           xact_commit, xact_rollback, blks_hit, blks_read, deadlocks, temp_bytes, archiver.failed_count
    FROM pg_stat_database AS database, pg_stat_archiver AS archiver WHERE datname = current_database()
"""
_GAUGES = (
    ("database_bytes", "Size of the database."),
    ("database_connections", "Connections to the server, those of its other databases too."),
    ("database_connections_max", "Connections that the server takes of accounts without a reserve."),
    ("database_oldest_transaction_seconds", "Age of the oldest open transaction."),
    ("database_archive_on", "1 where PostgreSQL archives its log."),
    ("database_archive_failing", "1 where it did not archive the last part of its log that it tried."),
    ("database_archived_timestamp_seconds", "When it last archived a part of its log, 0 for never."),
)
_COUNTERS = (
    ("database_commits", "Transactions that were committed."),
    ("database_rollbacks", "Transactions that were rolled back."),
    ("database_blocks_hit", "Blocks that were found in shared_buffers."),
    ("database_blocks_read", "Blocks that were not found there."),
    ("database_deadlocks", "Deadlocks."),
    ("database_temporary_bytes", "Bytes written to temporary files."),
    ("database_archive_failures", "Attempts to archive a part of the log that failed."),
)


def database_gauges() -> Iterable[Gauge]:
    """Return sizes and counts of this database, connections of its server, and how the archive of its log does."""
    with connection.cursor() as cursor:
        cursor.execute(_STATISTICS)
        row = cursor.fetchone()
    named = [(*each, False) for each in _GAUGES] + [(*each, True) for each in _COUNTERS]
    return [
        Gauge(name, says, (), {(): float(value)}, grows)
        for (name, says, grows), value in zip(named, row, strict=True)
    ]

"""What PostgreSQL says of the vector tables: live and dead rows, sizes, when they were last vacuumed and analysed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from django.db import connection

from models_admin.models import ModelVersion
from search.vectors.index import index_state, table_state
from search.vectors.sharded.layout import parts_of
from search.vectors.sharded.statistics import parts_statistics
from search.vectors.tables import table_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from search.vectors.sharded.statistics import PartStatistics
    from search.vectors.tables import IndexKind

DEAD_SHARE_HIGH = 0.2
"""PostgreSQL's own default: autovacuum comes when a fifth of a table's rows is dead."""

_STATISTICS = """
    SELECT relname, n_live_tup, n_dead_tup, pg_table_size(relid), pg_indexes_size(relid),
           greatest(last_vacuum, last_autovacuum), greatest(last_analyze, last_autoanalyze)
    FROM pg_stat_user_tables WHERE schemaname = current_schema() AND relname = ANY(%s)
"""


@dataclass(frozen=True)
class TableHealth:
    """One vector table; sizes are bytes, `index_bytes` of the vectors' index alone.

    Over several servers, the sum of theirs; None where one of them does not answer.
    """

    model: str
    kind: str
    index: str | None
    live: int | None
    dead: int | None
    table_bytes: int | None
    indexes_bytes: int | None
    index_bytes: int | None
    vacuumed_at: datetime | None
    analysed_at: datetime | None

    @property
    def dead_share(self) -> float:
        """The share of rows that are dead, 0 to 1."""
        if self.live is None or self.dead is None:
            return 0.0
        return self.dead / max(self.live + self.dead, 1)

    @property
    def needs_vacuum(self) -> bool:
        """Whether so many rows are dead that the index walks through what nobody can find."""
        return self.dead_share >= DEAD_SHARE_HIGH


def tables_health() -> list[TableHealth]:
    """Return every vector table of a version, by version and kind of unit."""
    versions = {version.pk: version for version in ModelVersion.objects.all()}
    tables = [table for table in table_names() if table.version_id in versions]
    with connection.cursor() as cursor:
        cursor.execute(_STATISTICS, [[table.name for table in tables]])
        known = {row[0]: row[1:] for row in cursor.fetchall()}
    over_servers = {table: parts for table in tables if (parts := parts_of(table))}
    elsewhere = parts_statistics(list(chain.from_iterable(over_servers.values())))
    found = []
    for table in tables:
        version = versions[table.version_id]
        if table in over_servers:
            _, index = table_state(table) or (0, None)
            numbers = _summed([elsewhere.get(part.name) for part in over_servers[table]], index)
            found.append(TableHealth(version.key, table.kind, index, *numbers))
        elif table.name in known:
            live, dead, size, indexes, vacuumed, analysed = known[table.name]
            state = index_state(version, table.kind)
            names = (version.key, table.kind, state.kind)
            found.append(TableHealth(*names, live, dead, size, indexes, state.size_bytes, vacuumed, analysed))
    return found


def _summed(each: Sequence[PartStatistics | None], index: IndexKind | None) -> tuple[Any, ...]:
    """Return the last seven fields of a table's health: sums, and the earliest of the times; None without a part's."""
    parts = [one for one in each if one is not None]
    if len(parts) < len(each):
        return (None,) * 7
    sizes = [one.index_bytes.get(index, 0) if index else 0 for one in parts]
    return (
        sum(one.live for one in parts),
        sum(one.dead for one in parts),
        sum(one.table_bytes for one in parts),
        sum(one.indexes_bytes for one in parts),
        sum(sizes),
        _earliest([one.vacuumed_at for one in parts]),
        _earliest([one.analysed_at for one in parts]),
    )


def _earliest(times: Sequence[datetime | None]) -> datetime | None:
    known = [time for time in times if time is not None]
    return min(known) if len(known) == len(times) else None

"""What PostgreSQL says of the vector tables: live and dead rows, sizes, when they were last vacuumed and analysed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import connection

from models_admin.models import ModelVersion
from search.vectors.index import index_state
from search.vectors.tables import table_names

if TYPE_CHECKING:
    from datetime import datetime

DEAD_SHARE_HIGH = 0.2
"""PostgreSQL's own default: autovacuum comes when a fifth of a table's rows is dead."""

_STATISTICS = """
    SELECT relname, n_live_tup, n_dead_tup, pg_table_size(relid), pg_indexes_size(relid),
           greatest(last_vacuum, last_autovacuum), greatest(last_analyze, last_autoanalyze)
    FROM pg_stat_user_tables WHERE schemaname = current_schema() AND relname = ANY(%s)
"""


@dataclass(frozen=True)
class TableHealth:
    """One vector table; sizes are bytes, `index_bytes` of the vectors' index alone."""

    model: str
    kind: str
    index: str | None
    live: int
    dead: int
    table_bytes: int
    indexes_bytes: int
    index_bytes: int
    vacuumed_at: datetime | None
    analysed_at: datetime | None

    @property
    def dead_share(self) -> float:
        """The share of rows that are dead, 0 to 1."""
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
    found = []
    for table in tables:
        if table.name in known:
            live, dead, size, indexes, vacuumed, analysed = known[table.name]
            state = index_state(versions[table.version_id], table.kind)
            names = (versions[table.version_id].key, table.kind, state.kind)
            found.append(TableHealth(*names, live, dead, size, indexes, state.size_bytes, vacuumed, analysed))
    return found

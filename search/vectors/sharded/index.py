"""Indexes over shards: each shard builds its own, all at once, and the parent's comment says which kind stands."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
from django.db import connection
from psycopg import sql

from retrieval_site.database import Prepared, reading
from search.vectors.sharded.servers import connected, shard_named

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from search.vectors.sharded.layout import VectorPart
    from search.vectors.tables import IndexKind, VectorTable

_STATE = Prepared("""
    SELECT coalesce((SELECT sum(greatest(reltuples, 0)) FROM pg_inherits JOIN pg_class part ON part.oid = inhrelid
                     WHERE inhparent = parent.oid), 0)::bigint,
           nullif(obj_description(parent.oid, 'pg_class'), '')
    FROM pg_class parent WHERE parent.oid = to_regclass(%s)
""")


def parts_state(name: str) -> tuple[int, IndexKind | None] | None:
    """Return how many rows the planner knows of in all parts and which kind of index stands; None without the table."""
    with reading.connection.cursor() as cursor:
        cursor.execute(_STATE, [name])
        found: tuple[int, IndexKind | None] | None = cursor.fetchone()
    return found


def index_note(table: VectorTable, kind: IndexKind | None) -> None:
    """Note which kind of index stands on every part."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("COMMENT ON TABLE {} IS {}").format(table.identifier, sql.Literal(kind or "")))


def on_each(
    parts: Sequence[VectorPart], work: Callable[[psycopg.Connection[tuple[Any, ...]], VectorPart], Any]
) -> list[Any]:
    """Do something on every part's shard, all at once, and return what each gave; raises AppError `shards.away`."""

    def one(part: VectorPart) -> Any:
        with connected(shard_named(part.server)) as there:
            return work(there, part)

    with ThreadPoolExecutor(max(1, len(parts)), thread_name_prefix="shards") as pool:
        return list(pool.map(one, parts))


def statistics_refresh(parts: Sequence[VectorPart]) -> None:
    """Let the shards' planners and this server's know how many rows there are."""
    on_each(parts, lambda there, part: there.execute(sql.SQL("VACUUM (ANALYZE) {}").format(part.identifier)))
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("ANALYZE {}").format(sql.SQL(", ").join(part.identifier for part in parts)))

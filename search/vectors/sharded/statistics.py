"""What the shards say of their parts: rows, sizes, when they were last vacuumed; one look for any number of tables."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

import psycopg

from retrieval_site.errors import AppError
from search.vectors.sharded.layout import live as live_parts
from search.vectors.sharded.servers import connected, shard_named
from search.vectors.tables import INDEX_KINDS, IndexKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from search.vectors.sharded.layout import VectorPart

_TIMEOUT = "SET statement_timeout = '2s'"
_STATISTICS = """
    SELECT relname, n_live_tup, n_dead_tup, pg_table_size(relid), pg_indexes_size(relid),
           greatest(last_vacuum, last_autovacuum), greatest(last_analyze, last_autoanalyze),
           ARRAY(SELECT coalesce(pg_relation_size(to_regclass(relname || '_' || kind)), 0)
                 FROM unnest(%s::text[]) WITH ORDINALITY kinds (kind, place) ORDER BY place)
    FROM pg_stat_user_tables WHERE schemaname = current_schema() AND relname = ANY(%s)
"""


@dataclass(frozen=True)
class PartStatistics:
    """One part as its server knows it; sizes are bytes, `index_bytes` those of the indexes of vectors by kind."""

    live: int
    dead: int
    table_bytes: int
    indexes_bytes: int
    vacuumed_at: datetime | None
    analysed_at: datetime | None
    index_bytes: dict[IndexKind, int]


def parts_statistics(parts: Sequence[VectorPart]) -> dict[str, PartStatistics]:
    """Return what is known of each part by its name; without those whose server is away or does not answer."""
    by_server = groupby(sorted(live_parts(tuple(parts)), key=attrgetter("server")), key=attrgetter("server"))
    names = {server: [part.name for part in group] for server, group in by_server}
    if not names:
        return {}
    with ThreadPoolExecutor(len(names), thread_name_prefix="shards") as pool:
        return {name: one for found in pool.map(_of_server, names, names.values()) for name, one in found}


def _of_server(server: str, names: Sequence[str]) -> Iterable[tuple[str, PartStatistics]]:
    try:
        with connected(shard_named(server)) as there:
            there.execute(_TIMEOUT)
            rows = there.execute(_STATISTICS, [list(INDEX_KINDS), list(names)]).fetchall()
    except (AppError, psycopg.Error):
        return []
    return [
        (
            name,
            PartStatistics(
                live, dead, size, indexes, vacuumed, analysed, dict(zip(INDEX_KINDS, sizes, strict=True))
            ),
        )
        for name, live, dead, size, indexes, vacuumed, analysed, sizes in rows
    ]


def parts_index_bytes(parts: Sequence[VectorPart], index: IndexKind) -> int:
    """Return the bytes of the index on those of the parts whose servers answer."""
    return sum(one.index_bytes[index] for one in parts_statistics(parts).values())

"""A random sample of each vector table, kept in this process: what an unrelated unit's vector looks like.

A query's scores over it say how large a score is for this query, whatever its modality: images and texts of one
joint space differ in scale.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from psycopg import sql

from retrieval_site.database.reading import connection
from search.vectors.read import from_binary, receive_binary
from search.vectors.sharded.layout import parts_of, rows_of
from search.vectors.sharded.searching import reached

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from search.vectors.tables import VectorTable

SAMPLE_BYTES = 1024 * 1024
"""Of a table, as float32: 256 vectors of 1,024 dimensions."""
SAMPLE_ROWS_MAX = 1024
TABLES_KEPT = 8
RECHECK_SECONDS = 60.0
GROWTH = 1.2
"""A table that became so many times larger, or smaller, is sampled again."""

_OVERSAMPLING = 8
_SPREAD_DRAWS = 2
_PAGE_BYTES, _ROW_OVERHEAD_BYTES = 8192, 64

# Over shards: units whose ids are spread over the table, the same ones each time; there is no sampling across servers.
_STATE_OF_PARTS = """
    SELECT pg_class.oid::bigint, coalesce((SELECT sum(greatest(part.reltuples, 0)) FROM pg_inherits
                                           JOIN pg_class part ON part.oid = inhrelid
                                           WHERE inhparent = pg_class.oid), 0)::bigint * atttypmod * 2, atttypmod
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attname = 'embedding'
    WHERE pg_class.oid = to_regclass(%s)
"""
_SAMPLE_OF_PARTS = sql.SQL("""
    SELECT embedding FROM {rows} stored WHERE unit_id = ANY(ARRAY(
        SELECT first + (hashint8extended(place, 0) & 9223372036854775807) % (last - first + 1)
        FROM (SELECT min(id) AS first, max(id) AS last FROM {units}) ends, generate_series(1, {draws}) place
    )) ORDER BY hashint8(unit_id) LIMIT {wanted}
""")
_STATE = """
    SELECT pg_class.oid::bigint, pg_relation_size(pg_class.oid), atttypmod
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attname = 'embedding'
    WHERE pg_class.oid = to_regclass(%s)
"""
# Whole pages are read, some times more than wanted: of neighbours on a page, which often belong to one document, few
# are then taken. The same table gives the same sample.
_SAMPLE = sql.SQL("""
    SELECT embedding FROM {table} TABLESAMPLE SYSTEM ({percent}) REPEATABLE (0)
    ORDER BY hashint8(unit_id) LIMIT {rows}
""")


@dataclass(frozen=True)
class _State:
    """Which table it is, its size, and its vectors' dimension."""

    oid: int
    size_bytes: int
    dim: int

    def is_like(self, other: _State) -> bool:
        sizes = sorted((self.size_bytes, other.size_bytes))
        return self.oid == other.oid and sizes[1] <= GROWTH * sizes[0]


@dataclass
class _Kept:
    state: _State
    rows: NDArray[np.float32]
    checked_at: float


_kept: OrderedDict[str, _Kept] = OrderedDict()
_lock = threading.Lock()


def background(table: VectorTable) -> NDArray[np.float32]:
    """Return the sample `(rows, dim)`; no rows where the table is empty or gone.

    It is read when it is first asked for, and again when the table was made anew or has grown, which is looked at once
    a minute.
    """
    now = time.monotonic()
    known = _kept.get(table.name)
    if known and now - known.checked_at < RECHECK_SECONDS:
        return known.rows
    state = _state(table)
    if state is None:
        return np.zeros((0, 0), dtype=np.float32)
    if known and known.state.is_like(state):
        known.checked_at = now
        return known.rows
    rows = _sampled(table, state)
    if len(rows):
        _remember(table.name, _Kept(state, rows, now))
    return rows


def backgrounds_forget() -> None:
    """Forget all samples, so that the next one is of what the tables hold then."""
    with _lock:
        _kept.clear()


def _remember(name: str, sample: _Kept) -> None:
    with _lock:
        _kept[name] = sample
        _kept.move_to_end(name)
        while len(_kept) > TABLES_KEPT:
            _kept.popitem(last=False)


def _state(table: VectorTable) -> _State | None:
    with connection.cursor() as cursor:
        cursor.execute(_STATE_OF_PARTS if parts_of(table) else _STATE, [table.name])
        found = cursor.fetchone()
    return _State(*found) if found else None


def _sampled(table: VectorTable, state: _State) -> NDArray[np.float32]:
    """Return the sample; of the whole table where its pages hold less than their number promises."""
    wanted = min(SAMPLE_ROWS_MAX, SAMPLE_BYTES // (4 * state.dim))
    if parts_of(table):
        return _read_spread(table, state.dim, wanted)
    expected = state.size_bytes // _PAGE_BYTES * max(_PAGE_BYTES // (2 * state.dim + _ROW_OVERHEAD_BYTES), 1)
    percent = min(100.0, 100.0 * _OVERSAMPLING * wanted / max(expected, 1))
    rows = _read(table, state.dim, wanted, percent)
    return rows if percent == 100.0 or len(rows) == wanted else _read(table, state.dim, wanted, 100.0)


def _read_spread(table: VectorTable, dim: int, wanted: int) -> NDArray[np.float32]:
    statement = _SAMPLE_OF_PARTS.format(
        rows=rows_of(table),
        units=sql.Identifier(table.units),
        draws=sql.Literal(_SPREAD_DRAWS * wanted),
        wanted=sql.Literal(wanted),
    ).as_string()
    with reached(table), connection.cursor() as cursor:
        receive_binary(cursor)
        cursor.execute(statement)
        return from_binary((row[0] for row in cursor.fetchall()), dim)


def _read(table: VectorTable, dim: int, wanted: int, percent: float) -> NDArray[np.float32]:
    statement = _SAMPLE.format(
        table=table.identifier, percent=sql.Literal(percent), rows=sql.Literal(wanted)
    ).as_string()
    with connection.cursor() as cursor:
        receive_binary(cursor)
        cursor.execute(statement)
        return from_binary((row[0] for row in cursor.fetchall()), dim)

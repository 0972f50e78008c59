"""The index of a vector table: built after the bulk load, dropped, checked, warmed.

Its kind is the operator's choice for the version: of the vectors (`hnsw`), of codes of two bits a dimension (`ternary`)
or of their signs alone (`binary`), or none (`exact`). Of vectors, m 32 and ef_construction 128 reach recall@10 0.976 at
ef_search 64 where pgvector's defaults need three times the time for less; building takes twice as long (measured with
70,000 vectors of 1,024 dimensions). Of codes, more neighbours are no use: what they leave out is made good by comparing
more candidates. Of two bits, ef_construction 128 in place of 64 found 0.943 in place of 0.923 by 400 candidates of a
million.
"""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, connection, transaction
from psycopg import sql
from psycopg.errors import DiskFull, OutOfMemory

from retrieval_site.database import Prepared, reading
from search.vectors.building import BuildProgress, asking_here
from search.vectors.nearest import indexed, nearest
from search.vectors.sharded.index import index_note, on_each, parts_state, statistics_refresh
from search.vectors.sharded.layout import parts_of
from search.vectors.sharded.servers import connected, shard_named
from search.vectors.sharded.statistics import parts_index_bytes
from search.vectors.sharded.tables import views_renew
from search.vectors.tables import INDEX_KINDS, IndexKind, VectorTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import psycopg
    from django.db.backends.utils import CursorWrapper

    from models_admin.models import ModelVersion
    from search.vectors.sharded.layout import VectorPart

MIB = 1024 * 1024
BUILD_MEMORY_MAX_BYTES = 2048 * MIB
WARM_SEARCHES = 64
_BYTES_PER_NEIGHBOUR = 16
_ROW_OVERHEAD_BYTES = 256


@dataclass(frozen=True)
class Graph:
    """How an index is built: neighbours of a row, how many rows are looked at for them, and a value's size."""

    m: int
    ef_construction: int
    bits_per_dimension: int

    def bytes_per_row(self, dim: int) -> int:
        """Return the memory that a row takes while the graph is built."""
        value = self.bits_per_dimension * dim // 8
        return value + 2 * self.m * _BYTES_PER_NEIGHBOUR + _ROW_OVERHEAD_BYTES


GRAPHS: dict[IndexKind, Graph] = {
    "hnsw": Graph(32, 128, 16),
    "ternary": Graph(16, 128, 2),
    "binary": Graph(16, 64, 1),
}

_BUILD = sql.SQL("""
    CREATE INDEX IF NOT EXISTS {index} ON {table} USING hnsw ({indexed})
    WITH (m = {m}, ef_construction = {ef_construction})
""")

_WARM_SEARCHES = sql.SQL("""
    SELECT (SELECT unit_id FROM {table} ORDER BY {nearest} LIMIT 1)
    FROM (SELECT embedding FROM {table} TABLESAMPLE SYSTEM (2) LIMIT %s) sample
""")

# A table's valid indexes, that first which searches prefer; `_index_names` are the parameters.
_STANDING = sql.SQL("""
    unnest(%s::text[], %s::text[]) WITH ORDINALITY known (kind, name, place)
    JOIN pg_index ON indexrelid = to_regclass(name) AND indisvalid
""")
_SIZES = sql.SQL("SELECT kind, pg_relation_size(indexrelid) FROM {} ORDER BY place").format(_STANDING)
_TABLE_STATE = Prepared(
    sql.SQL("""
    SELECT greatest(reltuples, 0)::bigint, (SELECT kind FROM {} ORDER BY place LIMIT 1)
    FROM pg_class WHERE oid = to_regclass(%s)
""")
    .format(_STANDING)
    .as_string()
)


@dataclass(frozen=True)
class IndexState:
    """Which index answers, None while all searches scan, and its size."""

    kind: IndexKind | None
    size_bytes: int


def index_build(
    version: ModelVersion,
    kind: str,
    *,
    parallel_workers: int | None = None,
    tell: Callable[[int, int], None] | None = None,
) -> None:
    """Let the index that was chosen for this version stand and no other, then refresh the planner's statistics.

    While it is built, `tell` hears from other threads how many rows are in it, and of how many.

    All or nothing: a build that is killed leaves no index, and no search ever sees half of one. Meanwhile searches
    go by the index of another kind, where one stands until this one does, or scan exactly; writers to this table wait.
    """
    table, wanted = VectorTable(version.pk, kind), wanted_index(version)
    progress = BuildProgress(tell) if tell else None
    if parts := parts_of(table):
        _build_parts(table, parts, wanted, version.dim, progress)
        return
    if wanted and wanted not in _standing(table):
        with progress.watched(table.name, asking_here) if progress else nullcontext():
            _build_here(table, wanted, version.dim, parallel_workers)
    _drop(table, [other for other in INDEX_KINDS if other != wanted])
    _refresh_statistics(table)


def _build_here(table: VectorTable, wanted: IndexKind, dim: int, parallel_workers: int | None) -> None:
    try:
        _build(table, wanted, dim, parallel_workers)
    except DatabaseError as error:
        # Parallel building takes its memory from /dev/shm, which is small in containers.
        if not isinstance(error.__cause__, DiskFull | OutOfMemory):
            raise
        _build(table, wanted, dim, 0)


def wanted_index(version: ModelVersion) -> IndexKind | None:
    """Return the kind of index that was chosen for the version, None for exact scans."""
    return next((index for index in INDEX_KINDS if index == version.vector_index), None)


def _build_parts(
    table: VectorTable,
    parts: tuple[VectorPart, ...],
    wanted: IndexKind | None,
    dim: int,
    progress: BuildProgress | None,
) -> None:
    """Build every part's index on its shard, all at once, and then drop the others."""
    if wanted == "ternary":
        views_renew(parts, dim)
    if wanted:
        parts_index_build(parts, wanted, dim, progress)
    index_note(table, wanted)
    _drop_parts(parts, [other for other in INDEX_KINDS if other != wanted])
    if not wanted:
        statistics_refresh(parts)


def parts_index_build(
    parts: Sequence[VectorPart], index: IndexKind, dim: int, progress: BuildProgress | None = None
) -> None:
    """Build an index on every part, all at once, and count the rows for the planners."""

    def build(there: psycopg.Connection[Any], part: VectorPart) -> None:
        with progress.watched(part.name, lambda: _asking(part)) if progress else nullcontext():
            _build_part(there, part, index, dim)

    on_each(parts, build)
    statistics_refresh(parts)


@contextmanager
def _asking(part: VectorPart) -> Iterator[Any]:
    with connected(shard_named(part.server)) as there:
        yield there.cursor()


def _build_part(there: psycopg.Connection[Any], part: VectorPart, index: IndexKind, dim: int) -> None:
    graph = GRAPHS[index]
    count = there.execute(sql.SQL("SELECT count(*) FROM {}").format(part.identifier)).fetchone()
    memory = min(int(count[0] if count else 0) * graph.bytes_per_row(dim), BUILD_MEMORY_MAX_BYTES)
    statement = _BUILD.format(
        index=sql.Identifier(f"{part.name}_{index}"),
        table=part.identifier,
        indexed=indexed(index, dim),
        m=sql.Literal(graph.m),
        ef_construction=sql.Literal(graph.ef_construction),
    )
    there.execute(f"SET maintenance_work_mem = '{max(64, memory // MIB + 1)}MB'")
    there.execute(statement)


def _drop_parts(parts: tuple[VectorPart, ...], indexes: Iterable[IndexKind]) -> None:
    unwanted = tuple(indexes)

    def drop(there: psycopg.Connection[Any], part: VectorPart) -> None:
        for index in unwanted:
            name = sql.Identifier(f"{part.name}_{index}")
            there.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(name))

    on_each(parts, drop)


def _build(table: VectorTable, index: IndexKind, dim: int, parallel_workers: int | None) -> None:
    graph = GRAPHS[index]
    statement = _BUILD.format(
        index=sql.Identifier(table.index_name(index)),
        table=table.identifier,
        indexed=indexed(index, dim),
        m=sql.Literal(graph.m),
        ef_construction=sql.Literal(graph.ef_construction),
    )
    with transaction.atomic(), connection.cursor() as cursor:
        _give_memory(cursor, table, graph.bytes_per_row(dim))
        if parallel_workers is not None:
            cursor.execute(f"SET LOCAL max_parallel_maintenance_workers = {int(parallel_workers)}")
        cursor.execute(statement)


def _give_memory(cursor: CursorWrapper, table: VectorTable, bytes_per_row: int) -> None:
    """Raise maintenance_work_mem to what the graph needs: once it spills, building is many times slower."""
    cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(table.identifier))
    rows = cursor.fetchone()[0]
    wanted = rows * bytes_per_row
    cursor.execute("SELECT pg_size_bytes(current_setting('maintenance_work_mem'))")
    if wanted > cursor.fetchone()[0]:
        megabytes = min(wanted, BUILD_MEMORY_MAX_BYTES) // MIB + 1
        cursor.execute(f"SET LOCAL maintenance_work_mem = '{megabytes}MB'")


def _refresh_statistics(table: VectorTable) -> None:
    """Without statistics the planner takes an exact scan for cheaper; VACUUM cannot run inside a transaction."""
    words = "ANALYZE {}" if connection.in_atomic_block else "VACUUM (ANALYZE) {}"
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(words).format(table.identifier))


def index_drop(version: ModelVersion, kind: str) -> None:
    """Drop whatever index there is; searches scan exactly from then on."""
    table = VectorTable(version.pk, kind)
    if parts := parts_of(table):
        index_note(table, None)
        _drop_parts(parts, INDEX_KINDS)
        return
    _drop(table, INDEX_KINDS)


def _drop(table: VectorTable, indexes: Iterable[IndexKind]) -> None:
    with connection.cursor() as cursor:
        for index in indexes:
            name = sql.Identifier(table.index_name(index))
            cursor.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(name))


def index_settled(version: ModelVersion, kind: str) -> bool:
    """Return whether the index that was chosen for the version stands, and no other."""
    table, wanted = VectorTable(version.pk, kind), wanted_index(version)
    if parts_of(table):
        state = parts_state(table.name)
        return state is not None and state[1] == wanted
    return list(_standing(table)) == [*filter(None, [wanted])]


def index_state(version: ModelVersion, kind: str) -> IndexState:
    """Return which whole, valid index answers searches of this table."""
    table = VectorTable(version.pk, kind)
    if parts := parts_of(table):
        state = parts_state(table.name)
        index = state[1] if state else None
        return IndexState(index, parts_index_bytes(parts, index) if index else 0)
    for index, size_bytes in _standing(table).items():
        return IndexState(index, size_bytes)
    return IndexState(None, 0)


def table_state(table: VectorTable) -> tuple[int, IndexKind | None] | None:
    """Return how many rows the planner knows of and which valid index stands; None without the table."""
    if parts_of(table):
        return parts_state(table.name)
    with reading.connection.cursor() as cursor:
        cursor.execute(_TABLE_STATE, [*_index_names(table), table.name])
        found: tuple[int, IndexKind | None] | None = cursor.fetchone()
    return found


def _index_names(table: VectorTable) -> list[list[str]]:
    """Return the kinds of index, that first which searches prefer, and their names."""
    return [list(INDEX_KINDS), [table.index_name(kind) for kind in INDEX_KINDS]]


def _standing(table: VectorTable) -> dict[IndexKind, int]:
    """Return the size in bytes of each valid index, that first which searches prefer."""
    with connection.cursor() as cursor:
        cursor.execute(_SIZES, _index_names(table))
        return dict(cursor.fetchall())


def index_prewarm(version: ModelVersion, kind: str) -> None:
    """Read the index and its table into memory, so that the first search is as fast as those after it."""
    table = VectorTable(version.pk, kind)
    index = index_state(version, kind).kind
    if parts_of(table):
        return  # each shard keeps its own memory, and a search warms what it reads
    if _prewarm_extension():
        _prewarm_whole(table, index)
    else:
        _prewarm_by_searching(table, index or "hnsw", version.dim)


def _prewarm_extension() -> bool:
    """Return whether pg_prewarm is there; the embedded server comes without it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_extension WHERE extname = 'pg_prewarm'")
        return bool(cursor.fetchone()[0])


def _prewarm_whole(table: VectorTable, index: IndexKind | None) -> None:
    names = [table.name, f"{table.name}_collection", f"{table.name}_pkey"]
    names += [table.index_name(index)] if index else []
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute(
                "SELECT pg_prewarm(to_regclass(%s)) WHERE to_regclass(%s) IS NOT NULL", [name, name]
            )


def _prewarm_by_searching(table: VectorTable, index: IndexKind, dim: int) -> None:
    """Search for stored vectors from all over the table: that reads the upper layers and most of the lowest."""
    near = nearest(index, dim, sql.SQL("sample.embedding"))
    statement = _WARM_SEARCHES.format(table=table.identifier, nearest=near)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL hnsw.ef_search = 200")
        cursor.execute(statement, [WARM_SEARCHES])

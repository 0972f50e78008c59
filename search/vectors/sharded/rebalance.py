"""Moving a table to where the setting says: onto shards, onto more or fewer of them, or back to this server.

The new layout is filled and indexed beside the old one, which goes on answering. The switch is one transaction: it
holds writers of units off while it takes away what was deleted meanwhile and follows what was moved, and then the names
change.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db import OperationalError, connection, transaction
from psycopg import sql
from psycopg.errors import LockNotAvailable

from retrieval_site.errors import AppError
from search.indexing.locks import version_lock
from search.vectors.index import index_build, parts_index_build, wanted_index
from search.vectors.read import from_binary, receive_binary
from search.vectors.sharded.index import on_each
from search.vectors.sharded.layout import parts_named
from search.vectors.sharded.lost import require_parts
from search.vectors.sharded.missing import WINDOW
from search.vectors.sharded.servers import shards
from search.vectors.sharded.tables import parts_create, parts_drop
from search.vectors.sharded.writing import part_copy, remainder
from search.vectors.tables import VectorTable, plain_create, plain_indexes_rename, tables_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from models_admin.models import ModelVersion
    from search.vectors.sharded.layout import VectorPart

BATCH = 2000
LOCK_TIMEOUT_MS, SWITCH_TRIES = 5000, 12
_ROWS = sql.SQL("""
    SELECT unit_id, document_id, collection_id, embedding {remainder} FROM {table}
    WHERE unit_id > %s ORDER BY unit_id LIMIT %s
""")
_HERE = sql.SQL("""
    INSERT INTO {next} SELECT stored.* FROM {table} stored
    JOIN LATERAL (SELECT FROM {units} WHERE id = stored.unit_id OFFSET 0 FOR KEY SHARE) unit ON true
    WHERE stored.unit_id > %s AND stored.unit_id <= %s ON CONFLICT DO NOTHING
""")
_LAST = sql.SQL(
    "SELECT max(unit_id) FROM (SELECT unit_id FROM {table} WHERE unit_id > %s ORDER BY 1 LIMIT %s) found"
)
_PLACES = sql.SQL("SELECT unit_id, collection_id FROM {rows} WHERE unit_id > %s ORDER BY unit_id LIMIT %s")
_NOW = sql.SQL("""
    SELECT unit.id, document.collection_id
    FROM {units} unit JOIN search_document document ON document.id = unit.document_id WHERE unit.id = ANY(%s)
""")


@dataclass(frozen=True)
class TableMoved:
    """A table that was moved, and how many vectors it has."""

    table: VectorTable
    vectors: int


def rebalance(version: ModelVersion, progress: Callable[[int], None]) -> Iterator[TableMoved]:
    """Move those of a version's tables that do not lie as the setting says; tell `progress` of each batch.

    Raises AppError `shards.away`, `shards.part_lost`, `vectors.in_use` where the new table cannot take the old one's
    place within a minute, and JobDeferred while a job makes this version's vectors.
    """
    with version_lock(version):
        for table in tables_of(version):
            for suffix in ("former", "next"):  # what a run that was killed left
                _drop_named(f"{table.name}_{suffix}")
            require_parts(parts_named(table.name))
            if table.exists() and not _is_placed(table):
                yield TableMoved(table, _move(version, table, progress))
            elif not shards():  # a former version of the switch left them their first names
                plain_indexes_rename(f"{table.name}_next", table.name)


def _is_placed(table: VectorTable) -> bool:
    return [part.server for part in parts_named(table.name)] == [shard.name for shard in shards()]


def _move(version: ModelVersion, table: VectorTable, progress: Callable[[int], None]) -> int:
    name, before = f"{table.name}_next", parts_named(table.name)
    if shards():
        with transaction.atomic():
            parts = parts_create(table, version.dim, name=name)
        moved = _fill_parts(table, name, parts, version.dim, progress)
        index = wanted_index(version) if moved else None
        if index:
            parts_index_build(parts, index, version.dim)
    else:
        parts, index = (), None
        plain_create(table, version.dim, name=name)
        moved = _fill_here(table, name, progress)
    _settle(table, name)
    if not any(_is_switched(table, name, index) for _ in range(SWITCH_TRIES)):
        raise AppError("vectors.in_use", model=version.key)
    _drop_named(f"{table.name}_former", before)
    if not shards():
        index_build(version, table.kind)
    return moved


def _fill_parts(
    table: VectorTable, name: str, parts: Sequence[VectorPart], dim: int, progress: Callable[[int], None]
) -> int:
    after = done = 0
    while rows := _read(table, name, len(parts), after):
        vectors = from_binary((row[3] for row in rows), dim)
        for place, group in groupby(
            np.argsort([row[4] for row in rows], kind="stable"), lambda at: rows[at][4]
        ):
            chosen = list(group)
            places: NDArray[np.int64] = np.array([rows[at][:3] for at in chosen], dtype=np.int64)
            part_copy(parts[place], places, vectors[chosen])
        after, done = rows[-1][0], done + len(rows)
        progress(done)
    return done


def _read(table: VectorTable, name: str, count: int, after: int) -> list[tuple[Any, ...]]:
    placed = sql.SQL(", {}").format(remainder(name, count, "unit_id"))
    with connection.cursor() as cursor:
        receive_binary(cursor)
        cursor.execute(_ROWS.format(remainder=placed, table=table.identifier), [after, BATCH])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _fill_here(table: VectorTable, name: str, progress: Callable[[int], None]) -> int:
    known_as = {"table": table.identifier, "next": sql.Identifier(name), "units": sql.Identifier(table.units)}
    after = done = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(_LAST.format(table=table.identifier), [after, BATCH])
            (last,) = cursor.fetchone()
            if last is None:
                return done
            cursor.execute(_HERE.format(**known_as), [after, last])
            after, done = last, done + int(cursor.rowcount)
            progress(done)


def _settle(table: VectorTable, name: str) -> None:
    """Take away the vectors of units that are gone, and let the others name the collections they are in now."""
    rows, after = sql.Identifier(name), 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(_PLACES.format(rows=rows), [after, WINDOW])
            stored = dict(cursor.fetchall())
            if not stored:
                return
            after = max(stored)
            cursor.execute(_NOW.format(units=sql.Identifier(table.units)), [list(stored)])
            there = dict(cursor.fetchall())
            if gone := [unit for unit in stored if unit not in there]:
                cursor.execute(sql.SQL("DELETE FROM {} WHERE unit_id = ANY(%s)").format(rows), [gone])
            for place in {there[unit] for unit in there if there[unit] != stored[unit]}:
                moved = [unit for unit in there if there[unit] == place != stored[unit]]
                update = sql.SQL("UPDATE {} SET collection_id = %s WHERE unit_id = ANY(%s)").format(rows)
                cursor.execute(update, [place, moved])


def _is_switched(table: VectorTable, name: str, index: str | None) -> bool:
    """Switch, and return True; False where others hold the tables, which need not cost all that was moved."""
    try:
        _switch(table, name, index)
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        return False
    return True


def _switch(table: VectorTable, name: str, index: str | None) -> None:
    rename, units = sql.SQL("ALTER TABLE {} RENAME TO {}"), sql.Identifier(table.units)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
        cursor.execute(sql.SQL("LOCK TABLE search_document, {} IN SHARE ROW EXCLUSIVE MODE").format(units))
        _settle(table, name)
        cursor.execute(rename.format(table.identifier, sql.Identifier(f"{table.name}_former")))
        cursor.execute(rename.format(sql.Identifier(name), table.identifier))
        if not shards():
            plain_indexes_rename(name, table.name)
        cursor.execute(
            sql.SQL("COMMENT ON TABLE {} IS {}").format(table.identifier, sql.Literal(index or ""))
        )


def _drop_named(name: str, parts: Sequence[VectorPart] = ()) -> None:
    """Drop a table that stands beside, and its parts on their shards."""
    parts = [*parts, *parts_named(name)]
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(name)))
    parts_drop(list(dict.fromkeys(parts)))


def rows_of_parts(parts: Sequence[VectorPart]) -> list[int]:
    """Return how many vectors each part has, as its shard counts them; raises AppError `shards.away`."""
    counted = on_each(
        parts,
        lambda there, part: there.execute(
            sql.SQL("SELECT count(*) FROM {}").format(part.identifier)
        ).fetchone(),
    )
    return [int(found[0]) for found in counted]

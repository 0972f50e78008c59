"""What is missing and what is left over, without comparing whole tables across servers.

Units are walked here, and the shards are asked which of them they have; counts are added up from one number a shard.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from psycopg import sql

from search.vectors.sharded.setting_up import LEFT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from search.vectors.sharded.layout import VectorPart
    from search.vectors.tables import VectorTable

WINDOW = 4096
_UNITS = sql.SQL("SELECT id FROM {units} unit WHERE id > %s ORDER BY id LIMIT %s")
_HELD = sql.SQL("SELECT unit_id FROM {table} WHERE unit_id = ANY(%s)")
_STORED_AFTER = sql.SQL("SELECT unit_id FROM {part} WHERE unit_id > %s ORDER BY unit_id LIMIT %s")
_THERE = sql.SQL("SELECT id FROM {units} unit WHERE id = ANY(%s)")
_COUNT = sql.SQL("(SELECT count(*) FROM {} WHERE {})")
_EVERY = sql.SQL("true")
_DELETE = sql.SQL("DELETE FROM {} WHERE unit_id = ANY(%s)")
_FORGET_LEFT = sql.SQL("DELETE FROM {} WHERE part = ANY(%s) RETURNING part, unit_id").format(
    sql.Identifier(LEFT)
)


def units_missing(table: VectorTable, after: int, limit: int) -> list[int]:
    """Return the next ids above `after`, ascending, of units without a vector."""
    found: list[int] = []
    while len(found) < limit:
        units = _ids(_UNITS.format(units=table.unit_rows), [after, WINDOW])
        if not units:
            break
        held = set(_ids(_HELD.format(table=table.identifier), [units]))
        found += [unit for unit in units if unit not in held]
        after = units[-1]
    return found[:limit]


def stored_count(parts: Sequence[VectorPart], where: sql.Composable = _EVERY) -> int:
    """Return how many vectors of units there are: each shard counts its own, without what stayed there."""
    left_delete(parts)
    return sum(_number(_COUNT.format(part.identifier, where)) for part in parts)


def left_delete(parts: Sequence[VectorPart]) -> None:
    """Delete the vectors of units that went while their server was away."""
    names, gone = [part.name for part in parts], defaultdict[str, list[int]](list)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_FORGET_LEFT, [names])
        for name, unit in cursor.fetchall():
            gone[name].append(unit)
        for name, units in gone.items():
            cursor.execute(_DELETE.format(sql.Identifier(name)), [units])


def missing_outside(table: VectorTable, parts: Sequence[VectorPart], collections: list[int]) -> bool:
    """Return whether there are more units than vectors outside of these collections."""
    outside = sql.SQL("NOT collection_id = ANY({}::bigint[])").format(sql.Literal(collections))
    units = sql.SQL("{} unit JOIN search_document document ON document.id = unit.document_id").format(
        table.unit_rows
    )
    return _number(_COUNT.format(units, outside)) > stored_count(parts, outside)


def strays(table: VectorTable, part: VectorPart) -> Iterator[list[int]]:
    """Yield ids of units that have a vector in this part and are gone, some at a time."""
    after = 0
    while stored := _ids(_STORED_AFTER.format(part=part.identifier), [after, WINDOW]):
        there = set(_ids(_THERE.format(units=sql.Identifier(table.units)), [stored]))
        if gone := [unit for unit in stored if unit not in there]:
            yield gone
        after = stored[-1]


def strays_sweep(table: VectorTable, parts: Sequence[VectorPart]) -> int:
    """Delete the vectors of units that are gone, and return how many there were."""
    swept = 0
    for part in parts:
        statement = _DELETE.format(part.identifier)
        for gone in strays(table, part):
            with connection.cursor() as cursor:
                cursor.execute(statement, [gone])
                swept += int(cursor.rowcount)
    return swept


def _ids(statement: sql.Composed, values: list[Any]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [row[0] for row in cursor.fetchall()]


def _number(expression: sql.Composed) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT {}").format(expression))
        return int(cursor.fetchone()[0])

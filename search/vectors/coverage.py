"""Which units have their vector under a version, and which still need one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import connection
from psycopg import sql

from retrieval_site.database.counting import counted_in, is_about
from search.vectors.sharded import missing
from search.vectors.sharded.layout import parts_of
from search.vectors.tables import VectorTable, tables_of

if TYPE_CHECKING:
    from models_admin.models import ModelVersion

_MISSING = sql.SQL("""
    SELECT unit.id FROM {units} unit
    WHERE unit.id > %s AND NOT EXISTS (SELECT FROM {table} stored WHERE stored.unit_id = unit.id)
    ORDER BY unit.id LIMIT %s
""")


_MISSING_OUTSIDE = sql.SQL("""
    SELECT EXISTS (
        SELECT FROM {units} unit JOIN search_document document ON document.id = unit.document_id
        WHERE NOT document.collection_id = ANY(%s::bigint[])
        AND NOT EXISTS (SELECT FROM {table} stored WHERE stored.unit_id = unit.id)
    )
""")


@dataclass(frozen=True)
class Coverage:
    """How many units there are and how many of them have a vector."""

    total: int
    stored: int

    @property
    def missing(self) -> int:
        """Return how many units still need a vector."""
        return self.total - self.stored

    @property
    def is_large(self) -> bool:
        """Return whether there are so many that `coverage_about` estimates them."""
        return is_about(self.total)

    @property
    def complete(self) -> bool:
        """Return whether every unit has its vector."""
        return self.stored == self.total


def units_missing(version: ModelVersion, kind: str, *, after_id: int = 0, limit: int = 256) -> list[int]:
    """Return the next ids above `after_id`, ascending, of units without a vector.

    Rows committed out of order can have an id below `after_id`: end a run by asking once more from 0.
    """
    table = VectorTable(version.pk, kind)
    if parts_of(table):
        return missing.units_missing(table, after_id, limit)
    statement = _MISSING.format(units=table.unit_rows, table=table.identifier)
    with connection.cursor() as cursor:
        cursor.execute(statement, [after_id, limit])
        return [unit_id for (unit_id,) in cursor.fetchall()]


def missing_outside(version: ModelVersion, kind: str, collections: list[int]) -> bool:
    """Return whether a unit of a document outside of these collections lacks its vector."""
    table = VectorTable(version.pk, kind)
    if parts := parts_of(table):
        return missing.missing_outside(table, parts, collections)
    statement = _MISSING_OUTSIDE.format(units=table.unit_rows, table=table.identifier)
    with connection.cursor() as cursor:
        cursor.execute(statement, [collections])
        return bool(cursor.fetchone()[0])


def coverage(version: ModelVersion) -> dict[str, Coverage]:
    """Return the coverage of each kind of unit that the version encodes; none stored where a table is missing."""
    return {table.kind: _coverage_of(table) for table in tables_of(version)}


def coverage_about(version: ModelVersion) -> dict[str, Coverage]:
    """Return the same for people's eyes: of many units, both numbers are estimates."""
    return {table.kind: _coverage_about(table) for table in tables_of(version)}


def _coverage_about(table: VectorTable) -> Coverage:
    total = counted_in(table.unit_rows)
    if parts := parts_of(table):
        return Coverage(total, missing.stored_count(parts))
    stored = counted_in(table.identifier) if table.exists() else 0
    return Coverage(total, min(stored, total))


def _coverage_of(table: VectorTable) -> Coverage:
    total = _count(table.unit_rows)
    if parts := parts_of(table):
        return Coverage(total, missing.stored_count(parts))
    return Coverage(total, _count(table.identifier) if table.exists() else 0)


def _count(rows: sql.Composable) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT count(*) FROM {} counted").format(rows))
        return int(cursor.fetchone()[0])

"""Writing vectors: each unit's once, whoever writes it how often, and only while the unit still exists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection, transaction
from psycopg import sql

from retrieval_site.errors import AppError
from search.vectors.halfvec import copy_rows
from search.vectors.sharded.layout import parts_of
from search.vectors.sharded.writing import parts_write
from search.vectors.tables import VectorTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from models_admin.models import ModelVersion

_INCOMING = sql.SQL("""
    CREATE TEMPORARY TABLE IF NOT EXISTS {incoming}
        (unit_id bigint NOT NULL, embedding halfvec({dim}) STORAGE PLAIN NOT NULL);
    TRUNCATE {incoming};
""")

# Each row looks its unit and its document up by their keys, whatever the planner believes: it knows nothing of a
# temporary table, and where its statistics tell of no documents, as after all were deleted, a join reads all of them
# for each row.
# The locks make a concurrent delete or move of a document wait for us, or us for it: without them a unit that is
# deleted between join and insert would fail the whole batch, and a moved one would keep its former collection.
_INSERT = sql.SQL("""
    INSERT INTO {table} (unit_id, document_id, collection_id, embedding)
    SELECT incoming.unit_id, document.id, document.collection_id, incoming.embedding
    FROM ({incoming} ORDER BY unit_id) incoming
    CROSS JOIN LATERAL (
        SELECT document_id FROM {units} WHERE id = incoming.unit_id OFFSET 0 FOR KEY SHARE
    ) unit
    CROSS JOIN LATERAL (
        SELECT id, collection_id FROM search_document WHERE id = unit.document_id OFFSET 0 FOR KEY SHARE
    ) document
    ON CONFLICT (unit_id) DO NOTHING
""")
_WRITTEN = sql.SQL("SELECT unit_id, embedding FROM {incoming}")
_COPIED = sql.SQL("SELECT unit_id, embedding FROM {base} WHERE unit_id > %s AND unit_id <= %s")

LACKING = sql.SQL("""
    FROM {base} base
    WHERE base.unit_id > %s AND NOT EXISTS (SELECT FROM {table} stored WHERE stored.unit_id = base.unit_id)
    ORDER BY base.unit_id LIMIT %s
""")
"""The next units of which one version has a vector and another has none: after an id, and how many."""
_NEXT = sql.SQL("SELECT max(unit_id) FROM (SELECT base.unit_id {lacking}) wanted")


def vectors_copy(version: ModelVersion, kind: str, base: ModelVersion, limit: int) -> Iterator[int]:
    """Give a version the vectors of `base` that it lacks, as they are, up to `limit` a transaction; yield how many.

    As by `vectors_write`: documents and collections are those of this moment, what is gone is passed over.
    """
    table = VectorTable(version.pk, kind)
    names = {"table": table.identifier, "base": VectorTable(base.pk, kind).identifier}
    copied = _COPIED.format(base=names["base"])
    copy = _INSERT.format(table=table.identifier, units=sql.Identifier(table.units), incoming=copied)
    following, after = _NEXT.format(lacking=LACKING.format(**names)), 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(following, [after, limit])
            (last,) = cursor.fetchone()
            if last is None:
                return
            cursor.execute(copy, [after, last])
            written = int(cursor.rowcount)
        after = last
        yield written


def vectors_write(
    version: ModelVersion,
    kind: str,
    unit_ids: Sequence[int] | NDArray[np.int64],
    vectors: NDArray[np.float32],
) -> int:
    """Store the vectors `(units, dim)` of these units and return how many rows are new.

    A unit that has its vector already keeps it, one that was deleted meanwhile is passed over. Document and
    collection are read in the same statement, so a document that moves at this moment does not leave its vector
    behind. Raises AppError `vectors.shape` and `vectors.not_finite` (a half float ends at 65,504).
    """
    _check(version, unit_ids, vectors)
    table = VectorTable(version.pk, kind)
    if parts := parts_of(table):
        with transaction.atomic():
            return parts_write(table, parts, unit_ids, vectors)
    incoming = sql.Identifier(f"vectors_incoming_{version.dim}")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_INCOMING.format(incoming=incoming, dim=sql.Literal(version.dim)))
        copying = cursor.copy(sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(incoming))
        with (
            connection.wrap_database_errors,
            copying as copy,
        ):  # else a full disk would come as psycopg's error
            for chunk in copy_rows(unit_ids, vectors):
                copy.write(chunk)
        written, units = _WRITTEN.format(incoming=incoming), sql.Identifier(table.units)
        cursor.execute(_INSERT.format(table=table.identifier, incoming=written, units=units))
        return int(cursor.rowcount)


def _check(
    version: ModelVersion, unit_ids: Sequence[int] | NDArray[np.int64], vectors: NDArray[np.float32]
) -> None:
    expected = (len(unit_ids), version.dim)
    if vectors.shape != expected:
        raise AppError("vectors.shape", expected=list(expected), found=list(vectors.shape))
    # NaN compares false, so this refuses it too.
    if vectors.size and not abs(vectors).max() < 65_504:
        raise AppError("vectors.not_finite")

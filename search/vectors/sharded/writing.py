"""Writing vectors over shards: to each its own rows, by COPY over connections of our own.

The rows are chosen here, where their units and documents are locked until this transaction ends, and the shards commit
before that: a unit that is deleted meanwhile waits, and takes its vector along. Where this transaction fails after all,
the vectors of units that exist are there a moment early, which is no harm.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from django.db import connection
from psycopg import sql

from search.vectors.halfvec import COPY_HEADER, COPY_ROWS, COPY_TRAILER
from search.vectors.sharded.servers import connected, shard_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from search.vectors.sharded.layout import VectorPart
    from search.vectors.tables import VectorTable

    Place: TypeAlias = tuple[int, int, int, int]
    """Remainder, unit, document, collection."""

# The remainder is what PostgreSQL itself says, so that rows are found again through the parent.
REMAINDER = sql.SQL("""
    (SELECT remainder FROM generate_series(0, {modulus} - 1) remainder
     WHERE satisfies_hash_partition({parent}::regclass, {modulus}, remainder, {unit}))
""")
_PLACES = sql.SQL("""
    SELECT {remainder}, wanted.unit_id, document.id, document.collection_id
    FROM unnest(%s::bigint[]) AS wanted (unit_id)
    CROSS JOIN LATERAL (
        SELECT document_id FROM {units} WHERE id = wanted.unit_id OFFSET 0 FOR KEY SHARE
    ) unit
    CROSS JOIN LATERAL (
        SELECT id, collection_id FROM search_document WHERE id = unit.document_id OFFSET 0 FOR KEY SHARE
    ) document
    ORDER BY 1, 2
""")
_INCOMING = sql.SQL("CREATE TEMPORARY TABLE incoming (LIKE {part}) ON COMMIT DROP")
_STORE = sql.SQL("INSERT INTO {part} SELECT * FROM incoming ON CONFLICT (unit_id) DO NOTHING")


def remainder(name: str, count: int, unit: str) -> sql.Composed:
    """Return the expression for the remainder by which the parent `name` of `count` parts places a unit."""
    return REMAINDER.format(modulus=sql.Literal(count), parent=sql.Literal(name), unit=sql.SQL(unit))


def parts_write(
    table: VectorTable,
    parts: tuple[VectorPart, ...],
    unit_ids: Sequence[int] | NDArray[np.int64],
    vectors: NDArray[np.float32],
) -> int:
    """Store vectors `(units, dim)` of units that still exist, in a transaction that is open; return how many are new.

    Raises AppError `shards.away`.
    """
    ids = np.asarray(unit_ids, dtype=np.int64)
    rows = dict(zip(ids.tolist(), range(len(ids)), strict=True))
    statement = _PLACES.format(
        remainder=remainder(table.name, len(parts), "wanted.unit_id"), units=sql.Identifier(table.units)
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [ids.tolist()])
        places: list[Place] = cursor.fetchall()
    written = 0
    for place, group in groupby(places, key=lambda found: found[0]):
        found = np.array([row[1:] for row in group], dtype=np.int64)
        written += part_copy(parts[place], found, vectors[[rows[unit] for unit in found[:, 0].tolist()]])
    return written


def part_copy(part: VectorPart, places: NDArray[np.int64], vectors: NDArray[np.float32]) -> int:
    """Store rows on a part's shard and return how many are new; `places`: `(rows, 3)`, unit, document, collection."""
    with connected(shard_named(part.server)) as there, there.transaction(), there.cursor() as cursor:
        cursor.execute(_INCOMING.format(part=part.identifier))
        with cursor.copy("COPY incoming FROM STDIN (FORMAT binary)") as copy:
            for chunk in _placed_rows(places, vectors):
                copy.write(chunk)
        cursor.execute(_STORE.format(part=part.identifier))
        return int(cursor.rowcount)


def _placed_rows(places: NDArray[np.int64], vectors: NDArray[np.float32]) -> Iterator[bytes]:
    """Yield rows `(unit_id, document_id, collection_id bigint, embedding halfvec)` in COPY's binary format."""
    dim = vectors.shape[1]
    fields = [("fields", ">i2")]
    for name in ("unit", "document", "collection"):
        fields += [(f"{name}_bytes", ">i4"), (name, ">i8")]
    layout = np.dtype(
        [*fields, ("bytes", ">i4"), ("dim", ">i2"), ("unused", ">i2"), ("vector", ">f2", (dim,))]
    )
    yield COPY_HEADER
    for start in range(0, len(places), COPY_ROWS):
        some = places[start : start + COPY_ROWS]
        rows = np.zeros(len(some), dtype=layout)
        rows["fields"], rows["bytes"], rows["dim"] = 4, 4 + 2 * dim, dim
        for column, name in enumerate(("unit", "document", "collection")):
            rows[f"{name}_bytes"], rows[name] = 8, some[:, column]
        rows["vector"] = vectors[start : start + COPY_ROWS]
        yield rows.tobytes()
    yield COPY_TRAILER

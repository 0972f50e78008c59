"""Reading stored vectors back, in binary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from psycopg import sql
from psycopg.pq import Format

from retrieval_site.database.reading import connection
from search.vectors.sharded.layout import rows_of
from search.vectors.tables import VectorTable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.backends.utils import CursorWrapper
    from numpy.typing import NDArray

    from models_admin.models import ModelVersion

_OF_DOCUMENT = sql.SQL(
    "SELECT embedding FROM {table} stored WHERE document_id = %s ORDER BY unit_id LIMIT %s"
)
_OF_UNITS = sql.SQL("SELECT unit_id, embedding FROM {table} stored WHERE unit_id = ANY(%s)")
_OF_DOCUMENTS = sql.SQL("""
    SELECT document_id, unit_id, embedding FROM (
        SELECT document_id, unit_id, embedding, row_number() OVER (
            PARTITION BY document_id ORDER BY unit_id = ANY(%(first)s::bigint[]) DESC, unit_id
        ) AS place FROM {table} stored WHERE document_id = ANY(%(documents)s::bigint[])
    ) numbered WHERE place <= %(most)s ORDER BY document_id, place
""")
_HEADER_BYTES = 4


def receive_binary(cursor: CursorWrapper) -> None:
    """Let this cursor's answers come in binary: a vector then is bytes for `from_binary`."""
    raw: Any = cursor.cursor
    raw.format = Format.BINARY


def from_binary(rows: Iterable[bytes], dim: int) -> NDArray[np.float32]:
    """Return received `halfvec` values as float32 `(rows, dim)`."""
    joined = b"".join(memoryview(row)[_HEADER_BYTES:] for row in rows)
    return np.frombuffer(joined, dtype=">f2").reshape(-1, dim).astype(np.float32)


def document_vectors(
    version: ModelVersion, kind: str, document_id: int, *, limit: int
) -> NDArray[np.float32]:
    """Return the vectors `(units, dim)` of a document's first units; none where it or the table has none."""
    table = VectorTable(version.pk, kind)
    if not table.exists():
        return np.zeros((0, version.dim), dtype=np.float32)
    with connection.cursor() as cursor:
        receive_binary(cursor)
        cursor.execute(_OF_DOCUMENT.format(table=rows_of(table)), [document_id, limit])
        return from_binary((row[0] for row in cursor.fetchall()), version.dim)


def vectors_by_document(
    version: ModelVersion, kind: str, documents: Iterable[int], *, first: Iterable[int] = (), limit: int
) -> dict[int, dict[int, NDArray[np.float32]]]:
    """Return by document the vectors `(dim,)` of up to `limit` of its units, by their ids.

    Units in `first` come before the others. Documents without vectors are left out.
    """
    asked = {"documents": list(documents), "first": list(first), "most": limit}
    with connection.cursor() as cursor:
        receive_binary(cursor)
        cursor.execute(_OF_DOCUMENTS.format(table=rows_of(VectorTable(version.pk, kind))), asked)
        rows = cursor.fetchall()
    vectors = from_binary((row[2] for row in rows), version.dim)
    found: dict[int, dict[int, NDArray[np.float32]]] = {}
    for (document, unit, _), vector in zip(rows, vectors, strict=True):
        found.setdefault(document, {})[unit] = vector
    return found


def unit_vectors(version: ModelVersion, kind: str, unit_ids: Iterable[int]) -> dict[int, NDArray[np.float32]]:
    """Return the vectors `(dim,)` of these units, of those that have one."""
    statement = _OF_UNITS.format(table=rows_of(VectorTable(version.pk, kind)))
    with connection.cursor() as cursor:
        receive_binary(cursor)
        cursor.execute(statement, [list(unit_ids)])
        rows = cursor.fetchall()
    vectors = from_binary((row[1] for row in rows), version.dim)
    return dict(zip((row[0] for row in rows), vectors, strict=True))

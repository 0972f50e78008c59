"""The order in which an index gives its rows: how PostgreSQL recognises the index, and so written in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import sql

if TYPE_CHECKING:
    from search.vectors.tables import IndexKind

_SIGNS = sql.SQL("binary_quantize({vector})::bit({dim})")
_OPERATORS: dict[IndexKind, sql.SQL] = {"hnsw": sql.SQL("<#>"), "binary": sql.SQL("<~>")}
_CLASSES: dict[IndexKind, sql.SQL] = {"hnsw": sql.SQL("halfvec_ip_ops"), "binary": sql.SQL("bit_hamming_ops")}


def indexed(index: IndexKind, dim: int) -> sql.Composed:
    """Return what `CREATE INDEX` takes: the indexed expression and its operator class."""
    return sql.SQL("({}) {}").format(_of(index, sql.SQL("embedding"), dim), _CLASSES[index])


def nearest(index: IndexKind, dim: int, vector: sql.Composable) -> sql.Composed:
    """Return the ORDER BY by which this index finds rows near `vector`, a `halfvec` of `dim` dimensions.

    The binary index counts the dimensions whose signs differ (Hamming distance): 1 bit each instead of 16.
    """
    stored, wanted = (_of(index, side, dim) for side in (sql.SQL("embedding"), vector))
    return sql.SQL(" ").join([stored, _OPERATORS[index], wanted])


def _of(index: IndexKind, vector: sql.Composable, dim: int) -> sql.Composable:
    return _SIGNS.format(vector=vector, dim=sql.Literal(dim)) if index == "binary" else vector

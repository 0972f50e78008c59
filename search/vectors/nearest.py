"""The order in which an index gives its rows: how PostgreSQL recognises the index, and so written in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import sql

if TYPE_CHECKING:
    from search.vectors.tables import IndexKind

TERNARY_STEP = 0.6
"""How far from 0 the two thresholds of a ternary code are, in standard deviations of a vector of length 1.

Of 100,000 vectors of `bench.codes`, 0.99 of the ten best are among 147 to 191 candidates with 0.5 and 0.6, among 226
with each dimension's own median magnitude, among 463 with 0.8; by signs alone among 672."""

_CODES: dict[IndexKind, sql.SQL] = {
    "binary": sql.SQL("binary_quantize({vector})::bit({dim})"),
    # 00 below both thresholds, 10 between, 11 above: so many bits differ as there are steps between two values.
    "ternary": sql.SQL(
        "(binary_quantize({vector} + {step}) || binary_quantize({vector} - {step}))::bit({bits})"
    ),
}
_STEP = sql.SQL("array_fill({step}::real, ARRAY[{dim}])::halfvec({dim})")


def indexed(index: IndexKind, dim: int) -> sql.Composed:
    """Return what `CREATE INDEX` takes: the indexed expression and its operator class."""
    operators = sql.SQL("bit_hamming_ops" if index in _CODES else "halfvec_ip_ops")
    return sql.SQL("({}) {}").format(compared(index, dim, sql.SQL("embedding")), operators)


def nearest(index: IndexKind, dim: int, vector: sql.Composable) -> sql.Composed:
    """Return the ORDER BY by which this index finds rows near `vector`, a `halfvec` of `dim` dimensions.

    The binary index counts the dimensions whose signs differ (Hamming distance): 1 bit each instead of 16. The ternary
    one has 2 bits a dimension, and counts the steps between low, middle and high.
    """
    stored, wanted = (compared(index, dim, side) for side in (sql.SQL("embedding"), vector))
    operator = sql.SQL("<~>" if index in _CODES else "<#>")
    return sql.SQL(" ").join([stored, operator, wanted])


def compared(index: IndexKind, dim: int, vector: sql.Composable) -> sql.Composable:
    """Return what this index compares of a `halfvec` of `dim` dimensions: its code, or the vector itself."""
    if index not in _CODES:
        return vector
    size = sql.Literal(dim)
    step = _STEP.format(step=sql.Literal(round(TERNARY_STEP / dim**0.5, 6)), dim=size)
    return _CODES[index].format(vector=vector, dim=size, step=step, bits=sql.Literal(2 * dim))

"""Half-precision vectors on the wire: binary as a parameter, binary in COPY.

A `halfvec` is a 16-bit dimension, 16 unused bits and big-endian half floats. Written as text, one
vector of 1,024 dimensions costs more to print and parse than the index search that it is for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from django.db.backends.signals import connection_created
from pgvector import HalfVector
from pgvector.psycopg.halfvec import HalfVectorBinaryDumper, HalfVectorDumper

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

COPY_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
COPY_TRAILER = b"\xff\xff"
COPY_ROWS = 512
"""Rows turned into bytes at a time, so that a large batch is not held twice."""

_HALFVEC_HEADER_BYTES = 4


def register_halfvec(connection: Any, **_kwargs: Any) -> None:
    """Teach a new connection to send `HalfVector` in binary.

    No type id is looked up: PostgreSQL infers it from the column that the parameter is compared with. The text
    form stands beside it because Django prints statements with their parameters when it counts or logs them.
    """
    if connection.vendor == "postgresql":
        adapters = connection.connection.adapters
        adapters.register_dumper(HalfVector, HalfVectorDumper)
        adapters.register_dumper(HalfVector, HalfVectorBinaryDumper)


connection_created.connect(register_halfvec, dispatch_uid="search.vectors.halfvec")


def copy_rows(unit_ids: Sequence[int] | NDArray[np.int64], vectors: NDArray[np.float32]) -> Iterator[bytes]:
    """Yield rows `(unit_id bigint, embedding halfvec)` in COPY's binary format; `vectors` is `(rows, dim)`."""
    layout = _row_layout(vectors.shape[1])
    ids = np.asarray(unit_ids, dtype=np.int64)
    yield COPY_HEADER
    for start in range(0, len(ids), COPY_ROWS):
        yield _rows(layout, ids[start : start + COPY_ROWS], vectors[start : start + COPY_ROWS])
    yield COPY_TRAILER


def _row_layout(dim: int) -> np.dtype[np.void]:
    return np.dtype(
        [
            ("fields", ">i2"),
            ("id_bytes", ">i4"),
            ("id", ">i8"),
            ("vector_bytes", ">i4"),
            ("dim", ">i2"),
            ("unused", ">i2"),
            ("vector", ">f2", (dim,)),
        ]
    )


def _rows(layout: np.dtype[np.void], ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> bytes:
    rows = np.zeros(len(ids), dtype=layout)
    rows["fields"], rows["id_bytes"], rows["id"] = 2, 8, ids
    rows["dim"] = vectors.shape[1]
    rows["vector_bytes"] = _HALFVEC_HEADER_BYTES + 2 * vectors.shape[1]
    rows["vector"] = vectors
    return rows.tobytes()

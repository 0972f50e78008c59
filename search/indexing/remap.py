"""Vectors of a version with an adapter are computed from the stored ones of its network, instead of by encoding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import ProgrammingError, connection
from psycopg import sql
from psycopg.errors import UndefinedTable

from models_admin.adapted import adapter_of, base_of, has_adapter
from search.units.registry import unit_kind
from search.vectors.copy import LACKING, vectors_copy, vectors_write
from search.vectors.read import from_binary, receive_binary
from search.vectors.sharded.layout import parts_of
from search.vectors.tables import VectorTable

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from models_admin.models import ModelVersion
    from workers.inference.adapters import ResidualMap
    from workers.jobs.context import JobContext

FLOATS_AT_ONCE = 4 << 20
"""A batch of 4,096 vectors of 1,024 dimensions: 16 MB, and as much again mapped."""

_WANTED = sql.SQL("SELECT base.unit_id, base.embedding {lacking}")


def remap_missing(version: ModelVersion, kind: str, ctx: JobContext, pending: int | None) -> int:
    """Write the vectors that can be computed from those of the version's network; return how many.

    `pending`: how many are missing; None where the job's owner may not know that.

    Which are missing is asked of the database, so that every run goes on where the last one ended; a batch is in
    memory at a time. What is not there (the network's vectors are dropped, or not made yet) is left to the encoder.
    """
    base = base_of(version) if has_adapter(version) else None
    if base is None or not VectorTable(base.pk, kind).exists():
        return 0
    if parts_of(VectorTable(version.pk, kind)):
        return 0  # to compare whole tables across servers takes longer than to encode
    ctx.stage(f"compute {kind}s for {version} from {base}", pending, counted=pending is not None)
    done = 0
    for number in _batches(version, base, kind):
        done += number
        ctx.advance(number)
        ctx.checkpoint()
    return done


def _batches(version: ModelVersion, base: ModelVersion, kind: str) -> Iterator[int]:
    """Write batch after batch, yield how many of each; end where the network's table is dropped meanwhile."""
    towers, limit = adapter_of(version), max(1, FLOATS_AT_ONCE // version.dim)
    one = towers.get(unit_kind(kind).modality)
    try:
        if one is None or one.is_nothing:
            yield from vectors_copy(version, kind, base, limit)
        else:
            yield from _mapped(version, base, kind, one, limit)
    except ProgrammingError as error:
        if not isinstance(error.__cause__, UndefinedTable):
            raise


def _mapped(
    version: ModelVersion, base: ModelVersion, kind: str, one: ResidualMap, limit: int
) -> Iterator[int]:
    after = 0
    while True:
        ids, vectors = _wanted(version, base, kind, after, limit)
        if not ids:
            return
        yield vectors_write(version, kind, ids, one.vectors(vectors))
        after = ids[-1]


def _wanted(
    version: ModelVersion, base: ModelVersion, kind: str, after: int, limit: int
) -> tuple[list[int], NDArray[np.float32]]:
    tables = {
        name: VectorTable(one.pk, kind).identifier for name, one in (("base", base), ("table", version))
    }
    with connection.cursor() as cursor:
        receive_binary(cursor)
        cursor.execute(_WANTED.format(lacking=LACKING.format(**tables)), [after, limit])
        rows = cursor.fetchall()
    return [row[0] for row in rows], from_binary((row[1] for row in rows), version.dim)

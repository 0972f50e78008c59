"""The SQL of a search, in two forms whose plans are certain.

`ann` gives the planner no other way than the HNSW index: its filters are wrapped so that no other index fits them
and no statistics talk it into sorting everything. `exact` gives it no way to use that index: its ORDER BY is no
longer the indexed expression. So the plan that is told to the caller is the plan that ran (a test reads EXPLAIN).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pgvector import HalfVector
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from search.retrieval.types import Scope

_DISTANCE = sql.SQL("embedding <#> %(vector)s::halfvec({dim})")
_SELECT = sql.SQL("""
    SELECT unit_id, document_id, {distance} AS distance {extra}
    FROM {table} stored
    WHERE {conditions}
    ORDER BY {order}
    LIMIT %(count)s
""")
_COUNT = sql.SQL("SELECT count(*) FROM (SELECT FROM {table} stored WHERE {conditions} LIMIT %(most)s) found")

_HAS_TAGS = sql.SQL("document.tags @> %(tags)s::varchar[]")
_HAS_METADATA = sql.SQL("document.metadata @> %(metadata)s::jsonb")
_SEEN = sql.SQL("collection_id = ANY(%(collections)s::bigint[])")
_EXCLUDED = sql.SQL("document_id = ANY(%(excluded)s::bigint[])")
_OPAQUE = sql.SQL("CASE WHEN {} THEN true ELSE false END")
_OPAQUE_NOT = sql.SQL("CASE WHEN {} THEN false ELSE true END")
_OPAQUE_FILTER = sql.SQL("(SELECT {} FROM search_document document WHERE document.id = stored.document_id)")
_FILTER = sql.SQL("document_id IN (SELECT document.id FROM search_document document WHERE {})")


def ann(scope: Scope, dim: int, *, with_vectors: bool = False) -> sql.Composed:
    """Return the search by the HNSW index."""
    conditions = [_OPAQUE.format(_SEEN)]
    if scope.has_filters:
        conditions.append(_OPAQUE_FILTER.format(_has(scope)))
    if scope.excluded:
        conditions.append(_OPAQUE_NOT.format(_EXCLUDED))
    distance = _DISTANCE.format(dim=sql.Literal(dim))
    return _select(scope, conditions, distance, order=distance, with_vectors=with_vectors)


def exact(scope: Scope, dim: int, *, with_vectors: bool = False) -> sql.Composed:
    """Return the search by a scan of all that the scope allows."""
    distance = _DISTANCE.format(dim=sql.Literal(dim))
    order = sql.SQL("({}) + 0").format(distance)
    return _select(scope, _plain_conditions(scope), distance, order=order, with_vectors=with_vectors)


def count(scope: Scope) -> sql.Composed:
    """Return the count of units that the scope allows, which stops at `most`."""
    conditions = sql.SQL(" AND ").join(_plain_conditions(scope))
    return _COUNT.format(table=scope.table.identifier, conditions=conditions)


def parameters(scope: Scope, vector: NDArray[np.float32] | None = None, **more: int) -> dict[str, Any]:
    """Return the parameters of any of these statements."""
    return {
        "vector": None if vector is None else HalfVector(vector),
        "collections": list(scope.collections),
        "tags": list(scope.tags),
        "metadata": json.dumps(scope.metadata),
        "excluded": sorted(scope.excluded),
        **more,
    }


def _has(scope: Scope) -> sql.Composed:
    """Return what a document must have; an empty filter is left out, for it would read the whole GIN index."""
    wanted = [(scope.tags, _HAS_TAGS), (scope.metadata, _HAS_METADATA)]
    return sql.SQL(" AND ").join(condition for asked, condition in wanted if asked)


def _plain_conditions(scope: Scope) -> list[sql.Composable]:
    conditions: list[sql.Composable] = [_SEEN]
    if scope.has_filters:
        conditions.append(_FILTER.format(_has(scope)))
    if scope.excluded:
        conditions.append(sql.SQL("NOT {}").format(_EXCLUDED))
    return conditions


def _select(
    scope: Scope,
    conditions: Sequence[sql.Composable],
    distance: sql.Composable,
    *,
    order: sql.Composable,
    with_vectors: bool,
) -> sql.Composed:
    return _SELECT.format(
        distance=distance,
        extra=sql.SQL(", embedding") if with_vectors else sql.SQL(""),
        table=scope.table.identifier,
        conditions=sql.SQL(" AND ").join(conditions),
        order=order,
    )

"""The SQL of a search, in two forms whose plans are certain.

`by_index` gives the planner no other way than the index: its filters are wrapped so that no other index fits them
and no statistics talk it into sorting everything. `exact` gives it no way to use that index: its ORDER BY is no
longer the indexed expression. So the plan that is told to the caller is the plan that ran (a test reads EXPLAIN).

Over shards, each part is asked by the same statement, which its server answers from its own index, and the answers are
merged here. What is counted to choose a plan is counted among the units, which are on this server.

A statement is composed once for each shape of scope, not for each search; and since only `by_index` has the same plan
for all values, only that is prepared. Its limit is written into it: PostgreSQL takes an unknown one for a tenth of
the table, and rather than keep that plan it would make one for every search.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import count as count_from
from typing import TYPE_CHECKING, Any

from pgvector import HalfVector
from psycopg import sql

from retrieval_site.database import Prepared
from retrieval_site.errors import AppError
from search.filters.registry import filters_conditions
from search.vectors.nearest import nearest
from search.vectors.sharded.layout import APART, live, parts_of
from search.vectors.tables import CODED

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from search.retrieval.types import Plan, Scope
    from search.vectors.sharded.layout import VectorPart
    from search.vectors.tables import IndexKind, VectorTable

_VECTOR = sql.SQL("%(vector)s::halfvec({dim})")
_SELECT = sql.SQL("""
    SELECT unit_id, document_id, {distance} AS distance {extra}
    FROM {table} stored
    WHERE {conditions}
    {closest}
""")
_CLOSEST = sql.SQL("ORDER BY {order} LIMIT {count}")
_MERGED = sql.SQL("SELECT * FROM ({parts}) merged ORDER BY distance {limit}")
_UNITS_HERE = sql.SQL("""(
    SELECT unit.id AS unit_id, unit.document_id, document.collection_id
    FROM {units} unit JOIN search_document document ON document.id = unit.document_id
)""")
_COUNT = sql.SQL("SELECT count(*) FROM (SELECT FROM {table} stored WHERE {conditions} LIMIT %(most)s) found")
_SAMPLE = sql.SQL("""
    WITH ends AS (SELECT min({id}) AS first, max({id}) AS last FROM {ids})
    SELECT count(*), count(*) FILTER (WHERE {conditions})
    FROM (
        SELECT DISTINCT first + floor(random() * (last - first + 1))::bigint AS drawn
        FROM ends, generate_series(1, %(most)s)
    ) ids JOIN {table} stored ON stored.unit_id = ids.drawn
""")

_SEEN = sql.SQL("collection_id = ANY(%(collections)s::bigint[])")
_EXCLUDED = sql.SQL("document_id = ANY(%(excluded)s::bigint[])")
_OPAQUE = sql.SQL("CASE WHEN {} THEN true ELSE false END")
_OPAQUE_NOT = sql.SQL("CASE WHEN {} THEN false ELSE true END")
_HAS = sql.SQL("(SELECT true FROM {rows} WHERE {document} = stored.document_id AND {where} LIMIT 1)")
"""For one document: a subquery with a limit is asked for each, and never for all of them beforehand."""
_AMONG = sql.SQL("document_id IN (SELECT {document} FROM {rows} WHERE {where})")
_ALL_OF = sql.SQL("document_id = ANY(ARRAY(SELECT document_id FROM ({documents}) filtered {others}))")
"""As one array, whose documents the vectors' index is searched for in one go: twice as fast as one after the other."""
_DOCUMENTS = sql.SQL("SELECT {document} AS document_id FROM {rows} WHERE {where}")
_ENCODED = sql.SQL("document_id IN (SELECT document_id FROM {table} encoded)")


@dataclass(frozen=True)
class _Shape:
    """What of a scope is written into a statement; its values are parameters."""

    table: VectorTable
    filters: tuple[tuple[str, str, str], ...]
    excluded: bool
    parts: tuple[VectorPart, ...] = ()
    asked_there: bool = False
    is_sharded: bool = False

    @property
    def asked(self) -> list[str]:
        """Return the tables that a search asks: its own, or over shards a part's each."""
        if not self.parts:
            return [self.table.name]
        return [part.near if self.asked_there else part.name for part in self.parts]

    @property
    def counted(self) -> sql.Composable:
        """Return the rows that are counted: those of the table, or over shards the units that it is of."""
        if not self.is_sharded:
            return self.table.identifier
        return _UNITS_HERE.format(units=self.table.unit_rows)


@dataclass(frozen=True)
class _Closest:
    """Which rows a search takes: the first `count` in an order; of all parts together no more where it `is_cut`."""

    distance: sql.Composable
    order: sql.Composable
    count: sql.Composable
    is_cut: bool


def by_index(
    scope: Scope,
    dim: int,
    plan: Plan,
    *,
    with_vectors: bool = False,
    asked_there: tuple[VectorPart, ...] = (),
) -> Prepared:
    """Return the search by an index; rows of short codes come in the order of these, with exact distances.

    `asked_there`: the parts whose servers know the vector already, by `vector_ask`; no others are asked then, for one
    that came back since does not know it.
    """
    return _by_index(_shape(scope, asked_there), dim, plan, with_vectors)


def exact(
    scope: Scope, dim: int, *, with_vectors: bool = False, asked_there: tuple[VectorPart, ...] = ()
) -> str:
    """Return the search by a scan of all that the scope allows; `asked_there` as of `by_index`."""
    return _exact(_shape(scope, asked_there), dim, with_vectors)


def count(scope: Scope) -> str:
    """Return the count of units that the scope allows, which stops at `most`."""
    return _count(_shape(scope))


def conditions(scope: Scope) -> sql.Composed:
    """Return what the columns `document_id` and `collection_id` of a row must be for the scope to allow it."""
    shape = _shape(scope)
    return sql.SQL(" AND ").join([_SEEN, *_filters(shape, _AMONG), *_not_excluded(shape)])


def sample(scope: Scope) -> str:
    """Return the statement that draws up to `most` units, and counts them and those that the scope allows."""
    return _sample(_shape(scope))


def document_conditions(scope: Scope, table: VectorTable | None = None) -> list[sql.Composed]:
    """Return what a row's `document_id` must be: of what the filters leave, and with a vector in this table."""
    shape = _shape(scope)
    found = _filters(shape, _AMONG)
    if table is not None:
        found.append(_ENCODED.format(table=table.unit_rows if shape.is_sharded else table.identifier))
    return found


def parameters(scope: Scope, vector: NDArray[np.float32] | None = None, **more: int) -> dict[str, Any]:
    """Return the parameters of any of these statements."""
    asked = [value for condition in filters_conditions(scope.filters) for value in condition.parameters]
    return {
        "vector": None if vector is None else HalfVector(vector),
        "collections": list(scope.collections),
        "excluded": sorted(scope.excluded),
        **{_parameter(place): value for place, value in enumerate(asked)},
        **more,
    }


def _parameter(place: int) -> str:
    return f"filter_{place}"


def _shape(scope: Scope, asked_there: tuple[VectorPart, ...] = ()) -> _Shape:
    filters = tuple((one.rows, one.document, one.where) for one in filters_conditions(scope.filters))
    parts = parts_of(scope.table)
    there = asked_there or live(parts)
    if parts and not there:
        raise AppError("shards.all_away")
    return _Shape(
        scope.table,
        filters,
        bool(scope.excluded),
        there,
        asked_there=bool(asked_there),
        is_sharded=bool(parts),
    )


@lru_cache
def _by_index(shape: _Shape, dim: int, plan: Plan, with_vectors: bool) -> Prepared:  # noqa: FBT001  a cache's key
    conditions = [_OPAQUE.format(_SEEN), *(_OPAQUE.format(has) for has in _filters(shape, _HAS))]
    if shape.excluded:
        conditions.append(_OPAQUE_NOT.format(_EXCLUDED))
    index = next((code for code in CODED if code == plan.kind), None)
    order = _order(shape, index or "hnsw", dim)
    distance = _order(shape, "hnsw", dim)
    # Of rows that come in the order of their codes, all are compared.
    closest = _Closest(distance, order, sql.Literal(plan.candidates), is_cut=index is None)
    return Prepared(_select(shape, conditions, closest, with_vectors=with_vectors))


@lru_cache
def _exact(shape: _Shape, dim: int, with_vectors: bool) -> str:  # noqa: FBT001  a cache's key
    distance = _order(shape, "hnsw", dim)
    order = sql.SQL("({}) + 0").format(distance)
    closest = _Closest(distance, order, sql.SQL("%(count)s"), is_cut=True)
    return _select(shape, _plain_conditions(shape), closest, with_vectors=with_vectors)


@lru_cache
def _count(shape: _Shape) -> str:
    conditions = sql.SQL(" AND ").join(_plain_conditions(shape))
    return _COUNT.format(table=shape.counted, conditions=conditions).as_string()


@lru_cache
def _sample(shape: _Shape) -> str:
    conditions = sql.SQL(" AND ").join([_SEEN, *_filters(shape, _HAS)])
    ends = ("id", shape.table.units) if shape.is_sharded else ("unit_id", shape.table.name)
    names = dict(zip(("id", "ids"), map(sql.Identifier, ends), strict=True))
    return _SAMPLE.format(table=shape.counted, conditions=conditions, **names).as_string()


def _filters(shape: _Shape, form: sql.SQL) -> list[sql.Composed]:
    """Return what a document must have, in this form; the parameters are numbered through."""
    places = count_from(0)
    return [
        form.format(
            rows=sql.SQL(rows),
            document=sql.SQL(document),
            where=sql.SQL(where).format(
                *(sql.Placeholder(_parameter(next(places))) for _ in range(where.count("{}")))
            ),
        )
        for rows, document, where in shape.filters
    ]


def _plain_conditions(shape: _Shape) -> list[sql.Composable]:
    """Return what a row of the vectors' table must be, which has an index of its documents."""
    found: list[sql.Composable] = [_SEEN]
    if shape.filters:
        first, others = _filters(shape, _DOCUMENTS)[0], _filters(shape, _AMONG)[1:]
        where = sql.SQL("WHERE ") + sql.SQL(" AND ").join(others) if others else sql.SQL("")
        found.append(_ALL_OF.format(documents=first, others=where))
    return [*found, *_not_excluded(shape)]


def _not_excluded(shape: _Shape) -> list[sql.Composable]:
    return [sql.SQL("NOT {}").format(_EXCLUDED)] if shape.excluded else []


def _order(shape: _Shape, index: IndexKind, dim: int) -> sql.Composable:
    """Return the order of an index, whose value the rows of shards bring where they know the vector."""
    if shape.asked_there:
        return sql.Identifier(APART[index])
    return nearest(index, dim, _VECTOR.format(dim=sql.Literal(dim)))


def _select(
    shape: _Shape,
    conditions: Sequence[sql.Composable],
    closest: _Closest,
    *,
    with_vectors: bool,
) -> str:
    """Return the search of the table; over shards of each of its parts that is there, merged by distance."""
    statements = [
        _SELECT.format(
            distance=closest.distance,
            extra=sql.SQL(", embedding") if with_vectors else sql.SQL(""),
            table=table,
            conditions=sql.SQL(" AND ").join(conditions),
            closest=_CLOSEST.format(order=closest.order, count=closest.count),
        )
        for table in map(sql.Identifier, shape.asked)
    ]
    if not shape.parts:
        return statements[0].as_string()
    parts = sql.SQL(" UNION ALL ").join(sql.SQL("({})").format(each) for each in statements)
    limit = sql.SQL("LIMIT {}").format(closest.count) if closest.is_cut else sql.SQL("")
    return _MERGED.format(parts=parts, limit=limit).as_string()

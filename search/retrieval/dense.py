"""The first retriever: the units whose vectors are closest to a query's, among those that the viewer may see.

One contract holds for every plan: where that many exist, the answer has units of at least `wanted` documents. The
index is asked first where it pays; where it runs dry, because filters leave little of its neighbourhood, an exact
scan goes on.

Choosing a plan and setting it for the transaction need no vector, so a search does both while its query is encoded.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from django.db import transaction

from retrieval_site.database import in_one_trip, named_by_request
from retrieval_site.database.reading import alias, connection
from retrieval_site.errors import AppError
from retrieval_site.kept import Kept
from retrieval_site.tracing import current_request
from search.retrieval import statements
from search.retrieval.compose import composition, directions
from search.retrieval.scoring import part_scores
from search.retrieval.types import Candidates, Plan, Unit
from search.vectors.background import background
from search.vectors.index import table_state
from search.vectors.read import from_binary, receive_binary
from search.vectors.sharded.layout import parts_of
from search.vectors.sharded.searching import vector_ask, width_set
from search.vectors.tuned import setting_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from models_admin.models import ModelVersion
    from search.retrieval.types import EncodedQuery, Find, Scope
    from search.vectors.tables import IndexKind, VectorTable

EF_SEARCH = 48
EF_SEARCH_MAX = 1000
CANDIDATES_MIN = 48
"""Units fetched at least: what the index finds at this ef_search anyway, enough for several pages."""
CODED_CANDIDATES: dict[IndexKind, int] = {"ternary": 192, "binary": 400}
"""Units whose vectors are compared where nothing was measured, of those that an index proposes by short codes alone."""
CODED_OVERSAMPLING = 4
ORDER_CANDIDATES = 2000
"""Units scored exactly under order similarity, which no index serves."""
ORDER_WHOLE_MAX = 5000
"""Scopes of up to so many units are scored whole."""
MAX_SCAN_TUPLES = 40_000

# Measured with 1,024 dimensions on 2 cores: what one stored unit costs in an exact scan, in one that looks up the
# units of filtered documents, and in the index.
EXACT_UNIT_MICROSECONDS = 0.5
FILTERED_UNIT_MICROSECONDS = 5.0
INDEX_UNIT_MICROSECONDS: dict[IndexKind, float] = {"hnsw": 55.0, "ternary": 23.0, "binary": 21.0}
COUNT_MAX = 20_000
"""Units counted at least, before the scope is taken for large."""
SAMPLE_UNITS = 256
SAMPLE_ALLOWED_MIN = 4
"""Of a sample: with fewer, the units that a filter leaves are few enough to be counted."""
COUNTS_KEPT_SECONDS, COUNTS_KEPT_MAX = 15.0, 256

_Row: TypeAlias = tuple[Any, ...]
"""A unit's id, its document's, the distance, and its vector's bytes where they were asked for."""

_SETTINGS = (
    "SET LOCAL hnsw.iterative_scan = 'relaxed_order'",
    "SET LOCAL hnsw.max_scan_tuples = {max_scan_tuples:d}",
    "SET LOCAL hnsw.ef_search = {ef_search:d}",
)
"""No SELECT, whose snapshot would be held until the next statement, in the way of a vacuum."""


@dataclass(frozen=True)
class RowEstimate:
    """What the choice of a plan needs: rows of the table, those of them in the scope, and which index stands."""

    rows: int
    matching: int
    index: IndexKind | None


def estimate(scope: Scope) -> RowEstimate:
    """Return what is known of the scope, cheaply; AppError `model.not_ready` where its table is gone."""
    state = table_state(scope.table)
    if state is None:
        raise AppError("model.not_ready/dropped")
    return RowEstimate(rows=state[0], matching=_matching_units(scope, state[0]), index=state[1])


def make_plan(version: ModelVersion, scope: Scope, wanted: int, expected: RowEstimate | None = None) -> Plan:
    """Return the cheaper plan for `wanted` documents, by what a unit costs in each; raises AppError as `estimate`."""
    expected = expected or estimate(scope)
    count = max(CANDIDATES_MIN, 2 * wanted)
    if version.similarity == "order":
        count = max(ORDER_CANDIDATES, count)
        if expected.matching <= ORDER_WHOLE_MAX:
            return Plan("exact", max(expected.matching, count))
    if expected.index is None:
        return Plan("exact", count)
    indexed = plan_by_index(expected.index, count, setting_for(scope, expected.index))
    visited = max(indexed.ef_search or 0, indexed.candidates * expected.rows / max(expected.matching, 1))
    exact_unit = FILTERED_UNIT_MICROSECONDS if scope.filters else EXACT_UNIT_MICROSECONDS
    is_cheaper = visited * INDEX_UNIT_MICROSECONDS[expected.index] < expected.matching * exact_unit
    return indexed if is_cheaper else Plan("exact", count)


@contextmanager
def planned(plan: Plan, table: VectorTable | None = None) -> Iterator[None]:
    """Begin a transaction in which the index looks as far as the plan says; its relaxed order is sorted again later.

    An exact plan has no use for the settings. Sending them all the same begins the transaction before the vector
    comes, and while a query is encoded that costs nothing. Where the table is over shards, they are told as well.
    With them goes the request's id, by which the server's log and `pg_stat_activity` name the search.
    """
    with transaction.atomic(using=alias()):
        values = {"ef_search": plan.ef_search or EF_SEARCH, "max_scan_tuples": MAX_SCAN_TUPLES}
        with in_one_trip():
            named = [named_by_request("LOCAL")] if current_request() else []
            for setting in (*(form.format(**values) for form in _SETTINGS), *named):
                with connection.cursor() as cursor:
                    cursor.execute(setting)
        if table is not None and (parts := parts_of(table)):
            width_set(parts, plan.ef_search or EF_SEARCH)
        yield


@contextmanager
def ready_with(plan: Plan, scope: Scope, wanted: int) -> Iterator[Find]:
    """Hold a search by this plan ready, in a transaction; give the function that finds the candidates of a query."""
    background(scope.table)  # before the transaction, which holds no lock while it waits for the query
    with planned(plan, scope.table):
        yield lambda query: _find(query, scope, wanted, plan)


class Dense:
    """Retrieval by vectors: the retriever of `search/retrieval/retrieve.py`."""

    @contextmanager
    def ready(self, version: ModelVersion, scope: Scope, wanted: int) -> Iterator[Find]:
        """Choose the cheaper plan and hold it ready; raises AppError `model.not_ready`."""
        with ready_with(make_plan(version, scope, wanted), scope, wanted) as find:
            yield find


def _find(query: EncodedQuery, scope: Scope, wanted: int, plan: Plan) -> Candidates:
    """Return units of at least `wanted` distinct documents, or of all that exist.

    Words of which the model knows none find nothing: their vector is that of any other unknown words.
    """
    if not scope.collections or query.nothing_known:
        return Candidates((), Plan("exact", 0), exhausted=True)
    search, found = _Search(query.known, scope), list[_Row]()
    while True:
        documents = frozenset(row[1] for row in found)
        rows, dry = search.run(plan, documents)
        found += rows
        enough = len(documents | {row[1] for row in rows}) >= wanted
        if enough or (dry and plan.kind == "exact"):
            return Candidates(tuple(search.units(found)), plan, exhausted=dry and plan.kind == "exact")
        if dry:  # an index that runs dry is no proof that there is no more
            plan = replace(plan, kind="exact", ef_search=None)


def plan_by_index(index: IndexKind, count: int, setting: int | None = None) -> Plan:
    """Return the plan that finds `count` units by this index; short codes say less, so more of them are looked at.

    `setting` stands in place of the default: `ef_search` of the HNSW index, the candidates of the others.
    """
    if index != "hnsw":
        count = max(setting or CODED_CANDIDATES[index], CODED_OVERSAMPLING * count)
        return Plan(index, count, min(count, EF_SEARCH_MAX))
    return Plan("ann", count, min(max(setting or EF_SEARCH, count), EF_SEARCH_MAX))


class _Search:
    """One query against one scope, run with one plan after the other.

    One part has the score by which the database found its rows. Several parts, and order similarity, are scored from
    the rows' vectors, which come with them.
    """

    def __init__(self, query: EncodedQuery, scope: Scope) -> None:
        self.query, self.scope = query, scope
        self.composed = len(query.parts) > 1
        self.with_vectors = self.composed or query.version.similarity == "order"
        self.composition = composition(query, scope.table)

    def run(self, plan: Plan, found: frozenset[int]) -> tuple[list[_Row], bool]:
        """Return further rows, of documents not found yet, and whether every direction's came back short."""
        scope = replace(self.scope, excluded=self.scope.excluded | found)
        near = [self._near(plan, scope, vector) for vector in self._directions()]
        return [row for rows in near for row in rows], all(len(rows) < plan.candidates for rows in near)

    def units(self, rows: list[_Row]) -> list[Unit]:
        """Return the rows as scored units."""
        if self.with_vectors:
            rows = list({row[0]: row for row in rows}.values())
        scores, standard = self._scores(rows) if rows else ((), ())
        scored = zip(rows, scores, standard, strict=True)
        return [Unit(row[0], row[1], score, deviations) for row, score, deviations in scored]

    def _directions(self) -> NDArray[np.float32]:
        parts = self.query.parts
        return directions(parts, self.composition.standard) if self.composed else parts[0].vectors

    def _near(self, plan: Plan, scope: Scope, vector: NDArray[np.float32]) -> list[_Row]:
        form = statements.exact if plan.kind == "exact" else partial(statements.by_index, plan=plan)
        asked_there = vector_ask(scope.table, vector)
        dim = self.query.version.dim
        statement = form(scope, dim, with_vectors=self.with_vectors, asked_there=asked_there)
        with connection.cursor() as cursor:
            receive_binary(cursor)
            cursor.execute(statement, statements.parameters(scope, vector, count=plan.candidates))
            rows: list[_Row] = cursor.fetchall()
        return rows

    def _scores(self, rows: list[_Row]) -> tuple[list[float], list[float]]:
        """Return the rows' scores, and these standardised."""
        if self.with_vectors:
            stored = from_binary((row[3] for row in rows), self.query.version.dim)
            scores = part_scores(self.query, self.scope.table.kind, stored)
        else:
            scores = -np.array([row[2:3] for row in rows])
        if self.composed:
            composed, deviations = self.composition.of(scores)
            return composed.tolist(), deviations.tolist()
        return scores[:, 0].tolist(), self.composition.standard.of(scores)[:, 0].tolist()


_counts = Kept[int](COUNTS_KEPT_SECONDS, COUNTS_KEPT_MAX)


def _matching_units(scope: Scope, rows: int) -> int:
    """Return how many of the table's `rows` the scope allows; from a fifth of them on, all count as allowed.

    It chooses the plan and nothing else: where so much is allowed, the index finds enough close by. Without filters
    an answer of the last seconds will do.
    """
    if scope.filters and rows > COUNT_MAX and (share := _share(scope)):
        return int(share * rows)
    most = max(COUNT_MAX, rows // 5)
    counted = _counted(scope, most)
    return max(rows, counted) if counted > most else counted


def _share(scope: Scope) -> float:
    """Return which share of the table's units a filter leaves, by a sample; 0 where that is too little to tell.

    A filter that leaves half of a large table takes longer to count than to search.
    """
    with connection.cursor() as cursor:
        cursor.execute(statements.sample(scope), statements.parameters(scope, most=SAMPLE_UNITS))
        drawn, allowed = cursor.fetchone()
    return allowed / drawn if allowed >= SAMPLE_ALLOWED_MIN else 0.0


def _counted(scope: Scope, most: int) -> int:
    if scope.filters:
        return _count(scope, most)
    return _counts.get((scope.table.name, scope.collections), lambda: _count(scope, most))


def _count(scope: Scope, most: int) -> int:
    """Return how many units the scope allows, at most `most` + 1."""
    with connection.cursor() as cursor:
        cursor.execute(statements.count(scope), statements.parameters(scope, most=most + 1))
        return int(cursor.fetchone()[0])

"""recall@10 of a vector index: which share of what an exact scan finds first does the index find, too.

It asks kept searches again with the very statements that a search uses, over all collections and without filters.
That the one goes by the index and the other does not is read from PostgreSQL's plan: a setting such as
`enable_indexscan = off` only makes an index scan look expensive.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from django.conf import settings

from retrieval_site.database.reading import connection
from retrieval_site.errors import AppError
from search.models import Collection, RecallMeasurement
from search.monitoring.intervals import wilson
from search.monitoring.kept import kept_vectors
from search.retrieval import statements
from search.retrieval.dense import CANDIDATES_MIN, CODED_CANDIDATES, EF_SEARCH, plan_by_index, planned
from search.retrieval.types import Scope
from search.vectors.index import index_state, table_state
from search.vectors.sharded.layout import parts_of
from search.vectors.sharded.searching import require_whole
from search.vectors.tables import VectorTable
from search.vectors.tuned import setting_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from search.monitoring.kept import WatchedDirection
    from search.retrieval.types import Plan
    from search.vectors.tables import IndexKind

K = 10
QUERIES_MAX, QUERIES_MIN = 200, 20
ROWS_SCANNED_MAX = 100_000_000
"""Of all exact scans together: about a minute at 1,024 dimensions on two cores."""
LADDERS: dict[IndexKind, tuple[int, ...]] = {
    "hnsw": (EF_SEARCH, 64, 96, 128, 192, 256, 384, 512, 768, 1000),
    "ternary": (192, 300, 400, 600, 800, 1000, 1500, 2000, 3000, 4000),
    "binary": (192, 400, 600, 800, 1000, 1500, 2000, 3000, 4000, 6000, 8000),
}
"""From the least that a search ever uses, up to what PostgreSQL takes or to many compared vectors."""
DEFAULTS: dict[str, int] = {"hnsw": EF_SEARCH} | dict(CODED_CANDIDATES)


@dataclass(frozen=True)
class AskedVector:
    """A vector `(dim,)` that is asked both ways, and where."""

    scope: Scope
    vector: NDArray[np.float32]


@dataclass(frozen=True)
class RecallTrial:
    """Questions to one table, and what an exact scan finds for each, best first."""

    index: IndexKind
    asked: Sequence[AskedVector]
    truth: list[list[int]]

    @classmethod
    def of(cls, index: IndexKind, asked: Sequence[AskedVector], checkpoint: Callable[[], None]) -> Self:
        """Scan exactly; raises AppError `monitoring.not_exact` where PostgreSQL would not."""
        return cls(index, asked, list(_exactly(asked, checkpoint)))

    def goes_by_index(self, setting: int) -> bool:
        """Return whether PostgreSQL goes by the index at this setting; for a good part of a table, it sorts all."""
        first = self.asked[0]
        plan = plan_by_index(self.index, CANDIDATES_MIN, setting)
        statement = statements.by_index(first.scope, len(first.vector), plan)
        table = first.scope.table
        with planned(plan, table):
            used = indexes_used(statement, statements.parameters(first.scope, first.vector))
        return table.index_name(self.index) in used or bool(parts_of(table))

    def recall_at(self, setting: int, checkpoint: Callable[[], None]) -> float:
        """Return the mean recall@10 of the index at this setting; raises AppError `monitoring.not_by_index`."""
        first = self.asked[0]
        if not self.goes_by_index(setting):
            raise AppError("monitoring.not_by_index", table=first.scope.table.name)
        plan = plan_by_index(self.index, CANDIDATES_MIN, setting)
        statement = statements.by_index(first.scope, len(first.vector), plan)
        shares = []
        for one, wanted in zip(self.asked, self.truth, strict=True):
            shares.append(recall(_first(one, statement, plan), wanted))
            checkpoint()
        return float(np.mean(shares))

    def climbed(
        self,
        settings: Iterable[int],
        target: float,
        checkpoint: Callable[[], None],
        present: int | None = None,
    ) -> Iterator[tuple[int, float]]:
        """Yield settings, in order, with their recall: up to one that reaches the target, and the present one.

        Of the others only those at which PostgreSQL goes by the index: where it rather sorts all, so does a search.
        """
        reached = False
        for tried in sorted({*settings, *([] if present is None else [present])}):
            if tried != present and (reached or not self.goes_by_index(tried)):
                continue
            share = self.recall_at(tried, checkpoint)
            reached = reached or share >= target
            yield tried, share


def recall(found: Sequence[int], wanted: Sequence[int]) -> float:
    """Return which share of the wanted units was found; 1 where there is none."""
    return len(set(found) & set(wanted)) / len(wanted) if wanted else 1.0


def measure_recall(direction: WatchedDirection, checkpoint: Callable[[], None]) -> RecallMeasurement | None:
    """Measure and keep a direction's recall; None where no index stands or no search of it is kept.

    Raises AppError `monitoring.not_exact` and `monitoring.not_by_index` where a plan is not what it should be, and
    `shards.part_missing` where a server of vectors is away.
    """
    began, table = time.monotonic(), VectorTable(direction.version.pk, direction.kind)
    index = index_state(direction.version, direction.kind).kind
    if index is None or direction.version.similarity == "order":
        return None
    require_whole(table, began)
    asked = _kept_questions(direction)
    if not asked:
        return None
    scope, trial = asked[0].scope, RecallTrial.of(index, asked, checkpoint)
    setting = setting_for(scope, index) or DEFAULTS[index]
    target = settings.CONFIG.recall_target
    ladder = list(trial.climbed(LADDERS[index], target, checkpoint, setting))
    at = dict(ladder)
    low, high = wilson(at[setting], len(asked))
    require_whole(table, began)
    return RecallMeasurement.objects.create(
        **direction.key,
        index=index,
        queries=len(asked),
        rows=table_rows(scope.table),
        setting=setting,
        recall=at[setting],
        low=low,
        high=high,
        target=target,
        smallest=next((tried for tried, share in ladder if share >= target), None),
        ladder=[[tried, round(share, 4)] for tried, share in ladder],
    )


def _kept_questions(direction: WatchedDirection) -> list[AskedVector]:
    """Return the kept searches of a direction that are asked again, of all collections."""
    scope = whole_table(VectorTable(direction.version.pk, direction.kind), direction.modality)
    kept = kept_vectors(direction, queries_max(scope.table)) if scope.collections else ()
    return [AskedVector(scope, np.asarray(each.vectors[0], dtype=np.float32)) for each in kept]


def whole_table(table: VectorTable, modality: str = "") -> Scope:
    """Return the scope of a search of all collections."""
    places = tuple(Collection.objects.order_by("pk").values_list("pk", flat=True))
    return Scope(table, places, asked_with=modality)


def queries_max(table: VectorTable) -> int:
    """Return how many questions may be scanned exactly: fewer of a large table."""
    return int(np.clip(ROWS_SCANNED_MAX // max(table_rows(table), 1), QUERIES_MIN, QUERIES_MAX))


def _exactly(asked: Sequence[AskedVector], checkpoint: Callable[[], None]) -> Iterator[list[int]]:
    """Yield what an exact scan finds for each question; raises AppError `monitoring.not_exact` where it is none."""
    scope, first = asked[0].scope, asked[0].vector
    statement = statements.exact(scope, len(first))
    used = indexes_used(statement, statements.parameters(scope, first, count=K))
    vector_indexes = {scope.table.index_name(kind) for kind in LADDERS}
    if used & vector_indexes:
        raise AppError("monitoring.not_exact", table=scope.table.name)
    for one in asked:
        with connection.cursor() as cursor:
            cursor.execute(statement, statements.parameters(one.scope, one.vector, count=K))
            yield [row[0] for row in cursor.fetchall()]
        checkpoint()


def _first(one: AskedVector, statement: str, plan: Plan) -> list[int]:
    """Return the ten best of what the index finds: its rows come in a relaxed order, or in that of their codes."""
    with planned(plan, one.scope.table), connection.cursor() as cursor:
        cursor.execute(statement, statements.parameters(one.scope, one.vector))
        rows = cursor.fetchall()
    return [row[0] for row in sorted(rows, key=lambda row: row[2])[:K]]


def indexes_used(statement: str, parameters: dict[str, Any]) -> set[str]:
    """Return the names of the indexes that PostgreSQL's plan of a statement goes by."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
        (answered,) = cursor.fetchone()
    plan = json.loads(answered) if isinstance(answered, str) else answered
    return set(_index_names(plan[0]["Plan"]))


def _index_names(node: dict[str, Any]) -> Iterator[str]:
    if "Index Name" in node:
        yield node["Index Name"]
    for below in node.get("Plans", ()):
        yield from _index_names(below)


def table_rows(table: VectorTable) -> int:
    """Return how many rows the planner knows of, over shards as well."""
    state = table_state(table)
    return state[0] if state else 0

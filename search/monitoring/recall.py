"""recall@10 of a vector index: which share of what an exact scan finds first does the index find, too.

It asks kept searches again with the very statements that a search uses, over all collections and without filters.
That the one goes by the index and the other does not is read from PostgreSQL's plan: a setting such as
`enable_indexscan = off` only makes an index scan look expensive.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings

from retrieval_site.database.reading import connection
from retrieval_site.errors import AppError
from search.models import Collection, RecallMeasurement
from search.monitoring.intervals import wilson
from search.monitoring.kept import kept_vectors
from search.retrieval import statements
from search.retrieval.dense import BINARY_CANDIDATES, CANDIDATES_MIN, EF_SEARCH, plan_by_index, planned
from search.retrieval.types import Scope
from search.vectors.index import index_state
from search.vectors.sharded.layout import parts_of
from search.vectors.sharded.searching import require_whole
from search.vectors.tables import VectorTable
from search.vectors.tuned import setting_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from search.monitoring.kept import WatchedDirection
    from search.retrieval.types import Plan
    from search.vectors.tables import IndexKind

K = 10
QUERIES_MAX, QUERIES_MIN = 200, 20
ROWS_SCANNED_MAX = 100_000_000
"""Of all exact scans together: about a minute at 1,024 dimensions on two cores."""
LADDERS: dict[str, tuple[int, ...]] = {
    "hnsw": (EF_SEARCH, 64, 96, 128, 192, 256, 384, 512, 768, 1000),
    "binary": (192, BINARY_CANDIDATES, 600, 800, 1000, 1500, 2000, 4000),
}
"""From the least that a search ever uses, up to what PostgreSQL takes or to many compared vectors."""
DEFAULTS = {"hnsw": EF_SEARCH, "binary": BINARY_CANDIDATES}


@dataclass(frozen=True)
class _Measuring:
    """The queries of one direction `(n, dim)`, and what an exact scan finds for each, best first."""

    direction: WatchedDirection
    scope: Scope
    index: IndexKind
    queries: NDArray[np.float32]
    truth: list[list[int]]

    def recall_at(self, setting: int, checkpoint: Callable[[], None]) -> float:
        """Return the mean recall@10 of the index at this setting; raises AppError `monitoring.not_by_index`."""
        plan = plan_by_index(self.index, CANDIDATES_MIN, setting)
        statement = statements.by_index(self.scope, self.direction.version.dim, plan)
        table = VectorTable(self.direction.version.pk, self.direction.kind)
        with planned(plan, table):
            used = indexes_used(statement, statements.parameters(self.scope, self.queries[0]))
            if table.index_name(self.index) not in used and not parts_of(table):
                raise AppError("monitoring.not_by_index", table=table.name)
        shares = []
        for vector, wanted in zip(self.queries, self.truth, strict=True):
            shares.append(recall(_first(self.scope, vector, statement, plan), wanted))
            checkpoint()
        return float(np.mean(shares))


def recall(found: Sequence[int], wanted: Sequence[int]) -> float:
    """Return which share of the wanted units was found; 1 where there is none."""
    return len(set(found) & set(wanted)) / len(wanted) if wanted else 1.0


def measure_recall(direction: WatchedDirection, checkpoint: Callable[[], None]) -> RecallMeasurement | None:
    """Measure and keep a direction's recall; None where no index stands or no search of it is kept.

    Raises AppError `monitoring.not_exact` and `monitoring.not_by_index` where a plan is not what it should be, and
    `shards.part_missing` where a server of vectors is away.
    """
    index = index_state(direction.version, direction.kind).kind
    if index is None or direction.version.similarity == "order":
        return None
    require_whole(VectorTable(direction.version.pk, direction.kind))
    measuring = _measuring(direction, index, checkpoint)
    if measuring is None:
        return None
    setting = setting_for(measuring.scope, index) or DEFAULTS[index]
    target = settings.CONFIG.recall_target
    ladder = list(_climbed(measuring, setting, target, checkpoint))
    at = dict(ladder)
    low, high = wilson(at[setting], len(measuring.queries))
    return RecallMeasurement.objects.create(
        **direction.key,
        index=index,
        queries=len(measuring.queries),
        rows=_rows(measuring.scope),
        setting=setting,
        recall=at[setting],
        low=low,
        high=high,
        target=target,
        smallest=next((tried for tried, share in ladder if share >= target), None),
        ladder=[[tried, round(share, 4)] for tried, share in ladder],
    )


def _measuring(
    direction: WatchedDirection, index: IndexKind, checkpoint: Callable[[], None]
) -> _Measuring | None:
    places = tuple(Collection.objects.order_by("pk").values_list("pk", flat=True))
    scope = Scope(VectorTable(direction.version.pk, direction.kind), places, asked_with=direction.modality)
    most = int(np.clip(ROWS_SCANNED_MAX // max(_rows(scope), 1), QUERIES_MIN, QUERIES_MAX))
    kept = [each.vectors[0] for each in kept_vectors(direction, most)]
    if not kept or not places:
        return None
    queries = np.asarray(kept, dtype=np.float32)
    return _Measuring(direction, scope, index, queries, list(_exactly(scope, queries, checkpoint)))


def _climbed(
    measuring: _Measuring, setting: int, target: float, checkpoint: Callable[[], None]
) -> Iterator[tuple[int, float]]:
    """Yield settings of the ladder, in order, with their recall: up to one that reaches the target, and the present."""
    reached = False
    for tried in sorted({*LADDERS[measuring.index], setting}):
        if reached and tried > setting:
            return
        if reached and tried != setting:
            continue
        share = measuring.recall_at(tried, checkpoint)
        reached = reached or share >= target
        yield tried, share


def _exactly(
    scope: Scope, queries: NDArray[np.float32], checkpoint: Callable[[], None]
) -> Iterator[list[int]]:
    """Yield what an exact scan finds for each query; raises AppError `monitoring.not_exact` where it is none."""
    statement = statements.exact(scope, queries.shape[1])
    used = indexes_used(statement, statements.parameters(scope, queries[0], count=K))
    vector_indexes = {scope.table.index_name(kind) for kind in LADDERS}  # type: ignore[arg-type]
    if used & vector_indexes:
        raise AppError("monitoring.not_exact", table=scope.table.name)
    for vector in queries:
        with connection.cursor() as cursor:
            cursor.execute(statement, statements.parameters(scope, vector, count=K))
            yield [row[0] for row in cursor.fetchall()]
        checkpoint()


def _first(scope: Scope, vector: NDArray[np.float32], statement: str, plan: Plan) -> list[int]:
    """Return the ten best of what the index finds: its rows come in a relaxed order, or in that of their signs."""
    with planned(plan, scope.table), connection.cursor() as cursor:
        cursor.execute(statement, statements.parameters(scope, vector))
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


def _rows(scope: Scope) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = to_regclass(%s)",
            [scope.table.name],
        )
        found = cursor.fetchone()
    return int(found[0]) if found else 0

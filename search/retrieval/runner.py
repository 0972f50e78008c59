"""The stages of a search in a row: encode → retrieve → fuse → group → calibrate → present → keep.

Everything that searches calls `run`: pages and API by way of `search`, “show more” and shared links by way of
`reopen` (where the kept answer is not deep enough), and measuring by judgements (search/judged).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, overload

from retrieval_site.clock import Clock
from retrieval_site.database.reading import read
from retrieval_site.tracing import laps_trace
from search.monitoring.stages import stages_note
from search.relevance.stored import calibrations
from search.retrieval.calibrate import calibrate
from search.retrieval.collapse import collapse
from search.retrieval.cursor import Cursor
from search.retrieval.dense import Dense
from search.retrieval.fallback import Retrieved, pictures_instead
from search.retrieval.fuse import fuse
from search.retrieval.group import group
from search.retrieval.keep import keep, query_new
from search.retrieval.present import Page, present
from search.retrieval.retrieve import ready
from search.retrieval.sort import sort_ranking
from search.retrieval.types import Ranking
from search.vectors.dropped import told_once_dropped
from search.vectors.sharded.searching import despite_shards, part_warnings, require_whole

if TYPE_CHECKING:
    from django.db.models import Model

    from search.models import Query
    from search.retrieval.encode import Encoding
    from search.retrieval.retrieve import Retriever
    from search.retrieval.types import EncodedQuery, Scope, SearchRequest, SearchWarning


class OtherRanking(Protocol):
    """Another version's ranking that takes turns in an answer."""

    def mixed(self, ranking: Ranking) -> Ranking:
        """Return the ranking with the other's turns in it."""
        ...

    def row(self, query: Query) -> Model:
        """Return what is kept of it beside the search."""
        ...


@dataclass(frozen=True)
class Asked:
    """A query on its way to vectors, where to look, and for how many documents: `wanted` at least, if there are.

    `warnings`: what was found out of the query before it was encoded. Documents below `min_relevance` are left out.
    `other`: whose ranking takes turns.
    """

    encoding: Encoding
    scope: Scope
    wanted: int
    most: int
    clock: Clock = field(default_factory=Clock)
    retrievers: tuple[Retriever, ...] = (Dense(),)
    warnings: tuple[SearchWarning, ...] = ()
    min_relevance: float | None = None
    other: OtherRanking | None = None


@dataclass(frozen=True)
class SearchRun:
    """What a search found: its first page, the row that says all of it, and whether that is kept."""

    page: Page
    query: Query
    is_kept: bool


@overload
def run(asked: Asked) -> Ranking: ...
@overload
def run(asked: Asked, request: SearchRequest) -> SearchRun: ...
def run(asked: Asked, request: SearchRequest | None = None) -> Ranking | SearchRun:
    """Take a query through the stages; without a request, by which one presents and keeps, as far as the ranking.

    Raises AppError of the query's encoding and of the retrievers, and `model.not_ready` where the version's vectors are
    dropped meanwhile.
    """
    with told_once_dropped(asked.encoding.version):
        found = read(lambda: despite_shards(lambda: _reads(asked, request)))
    if isinstance(found, Ranking):
        return found
    page, row, query = found
    row.timings_ms = timings(query, asked.clock)
    is_kept = keep(row, asked.encoding, (asked.other.row(row),) if asked.other else ())
    asked.clock.lap("keep")
    row.timings_ms = timings(query, asked.clock)
    stages_note(row.timings_ms)
    laps_trace(asked.clock, "search")
    return SearchRun(page, row, is_kept)


def _reads(asked: Asked, request: SearchRequest | None) -> Ranking | tuple[Page, Query, EncodedQuery]:
    """Take a query through the stages that read, up to presenting; they can be done twice."""
    encoding, clock, began = asked.encoding, asked.clock, time.monotonic()
    calibrations(encoding.version, asked.scope.table.kind)  # read while the query is being encoded
    with ready(asked.retrievers, encoding.version, asked.scope, asked.wanted) as retrieve:
        query = encoding.finish()
        clock.lap("wait")
        retrieved = Retrieved(retrieve(query), asked.scope)
    if request is not None:
        retrieved = pictures_instead(query, retrieved, request, asked.retrievers)
    grouped = group(fuse(retrieved.found, query, retrieved.scope.table), asked.most)
    ranking = calibrate(grouped, query, retrieved.scope, asked.min_relevance)
    if request is not None and request.collapse:
        ranking = collapse(ranking, retrieved.scope.table)
    if asked.other is not None:
        ranking = asked.other.mixed(ranking)
    clock.lap("search")
    if request is None:
        require_whole(retrieved.scope.table, began)
        return ranking
    ranking = sort_ranking(ranking, request.sort)
    row = query_new(
        request,
        query,
        ranking,
        [*asked.warnings, *query.warnings, *retrieved.warnings, *part_warnings(retrieved.scope.table, began)],
    )
    page = present(ranking, Cursor(row.pk), request.limit, retrieved.scope.collections)
    clock.lap("fetch")
    return page, row, query


def timings(query: EncodedQuery, clock: Clock) -> dict[str, float]:
    """Return decode and encode as the worker measured them, `transport` for the rest of the wait, and our laps."""
    laps = clock.with_total()
    transport = laps.pop("wait") - sum(query.timings_ms.values())
    return query.timings_ms | {"transport": round(transport, 2)} | laps

"""A search over shards: how far each looks, and what becomes of it where one is away.

The answer then comes from the shards that are there, and says that a part is missing.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, OperationalError, ProgrammingError, transaction
from pgvector import HalfVector
from psycopg import sql
from psycopg.errors import UndefinedTable

from retrieval_site.database.reading import alias, connection
from retrieval_site.errors import AppError
from retrieval_site.outages import RETRY_SECONDS
from search.vectors.sharded.layout import (
    away_look,
    away_names,
    away_since,
    is_sharded,
    live,
    parts_held,
    parts_of,
)
from search.vectors.sharded.servers import shards
from search.vectors.sharded.setting_up import EF_SEARCH_MAX, asked_table, width_table
from search.vectors.sharded.stalled import SearchCutError, cut_when_stalled
from workers.error_table import sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from search.vectors.sharded.layout import VectorPart
    from search.vectors.tables import VectorTable

Answer = TypeVar("Answer")
REACH_MS = 5000
"""How long shards are waited for to take a connection and a width, which takes them a millisecond.

Long, for machines that are overloaded: searches for which one says nothing are cut off sooner (`stalled.py`).
"""
PART_MISSING = "shards.part_missing"
_WIDTH = sql.SQL("SELECT applied FROM {} WHERE ef_search = {}")
_REACHED = sql.SQL("SELECT vector FROM {}")


def width_set(parts: Sequence[VectorPart], ef_search: int) -> None:
    """Set `hnsw.ef_search` on every shard that is there, for the transaction that is open.

    Raises Django's OperationalError where one cannot be reached within `REACH_MS`.
    """
    if not (there := live(tuple(parts))):
        raise AppError("shards.all_away")
    width = sql.Literal(min(ef_search, EF_SEARCH_MAX))
    _ask_each(there, lambda server: _WIDTH.format(sql.Identifier(width_table(server)), width))


@contextmanager
def reached(table: VectorTable) -> Iterator[None]:
    """Begin a transaction in which every shard that is there has answered; nothing without shards.

    Raises Django's OperationalError where one cannot be reached within `REACH_MS`.
    """
    if not (there := live(parts_of(table))):
        yield
        return
    with transaction.atomic(using=alias()):
        _ask_each(there, lambda server: _REACHED.format(sql.Identifier(asked_table(server))))
        yield


def _ask_each(parts: Sequence[VectorPart], statement: Callable[[str], sql.Composed]) -> None:
    """Ask the parts' servers, for `REACH_MS` at most; a limit that the transaction has counts again then."""
    servers = sorted({part.server for part in parts})
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout')")
        (before,) = cursor.fetchone()
        cursor.execute(f"SET LOCAL statement_timeout = {REACH_MS}")
        cursor.execute(sql.SQL(" UNION ALL ").join(map(statement, servers)))
        cursor.execute(sql.SQL("SET LOCAL statement_timeout = {}").format(sql.Literal(before)))


def vector_ask(table: VectorTable, vector: NDArray[np.float32]) -> tuple[VectorPart, ...]:
    """Give the vector `(dim,)` to every shard that is there, for the transaction that is open; return the parts there.

    Rows then come with their distances instead of their vectors. Not without shards, nor by a replica, where nothing
    can be inserted.
    """
    parts = live(parts_of(table))
    if not parts or alias() != DEFAULT_DB_ALIAS:
        return ()
    written = HalfVector(vector).to_text()
    with connection.cursor() as cursor:
        for server in sorted({part.server for part in parts}):
            name = sql.Identifier(asked_table(server))
            cursor.execute(sql.SQL("INSERT INTO {} VALUES (%s)").format(name), [written])
    return parts


def despite_shards(work: Callable[[], Answer]) -> Answer:
    """Return what `work` reads, by the parts that tables have at its beginning.

    Where a shard could not be reached, or an empty server is in its place, it is done again without those that are
    away; where a table was moved meanwhile, by the parts that it has then. Raises AppError `shards.part_missing` where
    that cannot be, since a server stopped in a transaction that began before.
    """
    try:
        with parts_held(), cut_when_stalled():
            return work()
    except SearchCutError as cut:
        if connection.in_atomic_block:  # which began before, and is lost
            raise _server_away() from cut
    except OperationalError:
        if not is_sharded():
            raise
        away_look(alias())
    except ProgrammingError as error:
        if not (is_sharded() and isinstance(error.__cause__, UndefinedTable)):
            raise
        away_look(alias())
    try:
        with parts_held(anew=True), cut_when_stalled():
            return work()
    except SearchCutError as cut:
        raise _server_away() from cut


def _server_away() -> AppError:
    return AppError(
        "shards.part_missing",
        missing=len(away_names()),
        parts=len(shards()),
        retry_after_seconds=RETRY_SECONDS,
    )


def reading_shards(table: VectorTable, work: Callable[[], Answer]) -> Answer:
    """Return what `work` reads of a table outside of a search; of the shards that can be reached."""

    def of_reached() -> Answer:
        with reached(table):
            return work()

    return despite_shards(of_reached)


def parts_missing(table: VectorTable, since: float) -> tuple[int, int]:
    """Return how many of the table's parts are away or were since a moment (`time.monotonic`), and of how many."""
    parts = parts_of(table)
    away = away_since(since) if parts else ()
    return sum(part.server in away for part in parts), len(parts)


def require_document(tables: Iterable[VectorTable], since: float) -> None:
    """Raise AppError `shards.document_away` where a part is or was away that may have a document's vectors."""
    missing, parts = max((parts_missing(table, since) for table in tables), default=(0, 0))
    if missing:
        raise AppError(
            "shards.document_away", missing=missing, parts=parts, retry_after_seconds=RETRY_SECONDS
        )


def part_warnings(table: VectorTable, since: float) -> list[dict[str, Any]]:
    """Return the warning that a part of the vectors could not be searched since a moment; none where all were."""
    missing, parts = parts_missing(table, since)
    if not missing:
        return []
    detail = {"missing": missing, "parts": parts}
    return [{"id": PART_MISSING, "message": sentence(PART_MISSING, detail), "detail": detail}]


def require_whole(table: VectorTable, since: float) -> None:
    """Raise AppError `shards.part_missing` where a part is or was away: the ranking would lack some."""
    missing, parts = parts_missing(table, since)
    if missing:
        raise AppError("shards.part_missing", missing=missing, parts=parts, retry_after_seconds=RETRY_SECONDS)


def is_of_shards(error: AppError) -> bool:
    """Return whether servers of vectors are the reason: nothing is wrong with what was asked, nor with who asks."""
    return error.id.startswith("shards.")

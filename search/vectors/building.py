"""How far an index is while it is built: asked by another connection, since the one that builds it answers nothing."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from django.db import Error, connection
from psycopg import sql

from retrieval_site.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from typing import TypeAlias

    Asking: TypeAlias = Callable[[], AbstractContextManager[Any]]

ASK_SECONDS = 1.0
_ROWS = sql.SQL("SELECT count(*) FROM {}")
_DONE = """
    SELECT tuples_done FROM pg_stat_progress_create_index
    WHERE datname = current_database() AND relid = to_regclass(%s) AND phase LIKE '%%loading tuples'
"""

log = logging.getLogger(__name__)


class BuildProgress:
    """Adds up how many rows are in the index of each part of a table, and tells `tell` of all: done, total."""

    def __init__(self, tell: Callable[[int, int], None]) -> None:
        self._tell = tell
        self._parts: dict[str, tuple[int, int]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def watched(self, table: str, asking: Asking) -> Iterator[None]:
        """Ask how far the index of this table is, once a second by a cursor of `asking`, while the block builds it."""
        built = threading.Event()
        thread = threading.Thread(
            target=self._watch, args=(table, asking, built), name=f"index-{table}", daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            built.set()
            thread.join()

    def _watch(self, table: str, asking: Asking, built: threading.Event) -> None:
        try:
            with asking() as cursor:
                cursor.execute(_ROWS.format(sql.Identifier(table)))
                rows = int(cursor.fetchone()[0])
                while not built.wait(ASK_SECONDS):
                    cursor.execute(_DONE, [table])
                    if found := cursor.fetchone():
                        self._say(table, min(found[0], rows), rows)
        except (AppError, Error, psycopg.Error) as error:  # the index is built all the same
            log.warning("how far the index of %s is cannot be told: %s", table, error)
        finally:
            connection.close()  # this thread's own: `tell` writes by it

    def _say(self, table: str, done: int, rows: int) -> None:
        with self._lock:
            self._parts[table] = (done, rows)
            parts = list(self._parts.values())
        self._tell(sum(done for done, _ in parts), sum(rows for _, rows in parts))


@contextmanager
def asking_here() -> Iterator[Any]:
    """Yield a cursor of this thread's connection to our database, which waits for no lock of the one that builds."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '1s'")
        yield cursor

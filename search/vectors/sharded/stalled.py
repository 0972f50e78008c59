"""Searches that a silent server holds up: their connections are cut from outside, and they are done again without it.

No limit of time inside the database does that: postgres_fdw gives a server that is connected half a minute to end a
statement that was cancelled. So a thread of each process looks at its searches. Where the database has been busy with
one for long, the servers are asked whether they answer; one that does not counts as away, and whoever waits for it is
cut off. A search that merely takes long, of servers that answer, goes on.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import psycopg
from django.db import Error, connections
from psycopg.pq import TransactionStatus

from retrieval_site.database.reading import alias
from search.vectors.sharded.layout import away_found_since, away_look, is_sharded

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOK_SECONDS = 0.05
BUSY_LOOKS = 3
"""So many looks in a row at which the database is busy with a search, and the servers are asked."""
ASK_AGAIN_SECONDS = 1.0
"""How often they are asked at most, where they answer and searches take long."""

log = logging.getLogger(__name__)


class _Running:
    """A search that reads now, by its thread's connection."""

    def __init__(self, using: str) -> None:
        connections[using].ensure_connection()
        self.using, self.began, self.looks, self.is_cut = using, time.monotonic(), 0, False
        self.link: psycopg.Connection[object] = connections[using].connection
        with connections[using].wrap_database_errors:  # it may have ended already
            self.socket = socket.socket(fileno=os.dup(self.link.pgconn.socket))

    @property
    def is_busy(self) -> bool:
        """Return whether a statement runs there, or a transaction ends."""
        return self.link.info.transaction_status == TransactionStatus.ACTIVE

    def cut(self) -> psycopg.pq.abc.PGcancel | None:
        """End the connection under the search that waits for it; return what cancels its statement in the database."""
        self.is_cut, cancel = True, None
        with suppress(psycopg.Error):
            cancel = self.link.pgconn.get_cancel()
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        return cancel


class _StalledWatch:
    """The thread that looks, and what it looks at."""

    def __init__(self) -> None:
        self.running: set[_Running] = set()
        self.lock = threading.Lock()
        self.some = threading.Event()
        self.thread: threading.Thread | None = None
        self.asked_at: dict[str, float] = {}

    def add(self, one: _Running) -> None:
        with self.lock:
            self.running.add(one)
            self.some.set()
            if self.thread is None or not self.thread.is_alive():  # as after a fork
                self.thread = threading.Thread(target=self._look_on, name="stalled", daemon=True)
                self.thread.start()

    def remove(self, one: _Running) -> None:
        with self.lock:
            self.running.discard(one)
            if not self.running:
                self.some.clear()

    def _look_on(self) -> None:
        while True:
            self.some.wait()
            time.sleep(LOOK_SECONDS)
            for using in self._busy_long():
                self._ask(using)
            self._cut_stalled()

    def _busy_long(self) -> set[str]:
        """Count a look at every search; return by which of our databases one is held up."""
        with self.lock:
            for one in self.running:
                one.looks = one.looks + 1 if one.is_busy else 0
            return {one.using for one in self.running if one.looks >= BUSY_LOOKS}

    def _ask(self, using: str) -> None:
        if time.monotonic() < self.asked_at.get(using, 0.0) + ASK_AGAIN_SECONDS:
            return
        try:
            away_look(using)
        except Error as error:  # the database itself is away, which its searches notice
            log.warning("whether servers of vectors answer is not known: %s", error)
        finally:
            self.asked_at[using] = time.monotonic()
            connections[using].close()

    def _cut_stalled(self) -> None:
        """Cut off those that were held up before a server was found to be away, and still are."""
        with self.lock:
            stalled = [one for one in self.running if one.looks >= BUSY_LOOKS and not one.is_cut]
            lost = [one for one in stalled if one.is_busy and away_found_since(one.began)]
            cancels = [one.cut() for one in lost]
        for cancel in filter(None, cancels):
            with suppress(psycopg.Error):
                cancel.cancel()


_watch = _StalledWatch()


class SearchCutError(Exception):
    """The search waited for a server that does not answer, and its connection was cut."""


@contextmanager
def cut_when_stalled() -> Iterator[None]:
    """Let what reads in this block be cut off where a server of vectors holds it up; nothing without shards.

    Raises SearchCutError then. The connection is closed: the next statement opens another, but for one inside a
    transaction that began before the block, which is lost.
    """
    if not is_sharded():
        yield
        return
    one = _Running(alias())
    _watch.add(one)
    try:
        yield
    except Error as error:
        _watch.remove(one)
        if one.is_cut:
            raise SearchCutError from error
        raise
    finally:
        _watch.remove(one)
        one.socket.close()
        if one.is_cut:
            connections[one.using].close()

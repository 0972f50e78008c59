"""Which servers of vectors our own database reaches, since it is the one that asks them in a search.

What this process reaches says nothing of that: a firewall, a password of the mapping or a replica's machine may be in
between.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from django.db import DatabaseError, Error, connections, transaction
from psycopg import sql

from search.vectors.sharded.setting_up import width_table

if TYPE_CHECKING:
    from collections.abc import Collection

ANSWER_MS = 700
OWN_TIMES = 5
"""A server may take so many times as long as a new connection to our own database: a machine that is overloaded, or
shared with the servers, is no reason to leave them out."""
WAIT_SECONDS = 10.0
"""How long the answers of all servers are waited for, should a limit of time in the database not count."""
_ANSWERS = sql.SQL("SELECT ef_search FROM {} LIMIT 1")


def reaches(server: str, using: str, within_ms: int = ANSWER_MS) -> bool:
    """Return whether the database gets an answer from a server, which is set up, within a time.

    Raises Django's DatabaseError where the database itself went away.
    """
    connection = connections[using]
    try:
        with transaction.atomic(using=using), connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout')")
            (before,) = cursor.fetchone()
            cursor.execute(f"SET LOCAL statement_timeout = {within_ms:d}")
            cursor.execute(_ANSWERS.format(sql.Identifier(width_table(server))))
            cursor.execute(sql.SQL("SET LOCAL statement_timeout = {}").format(sql.Literal(before)))
    except DatabaseError:
        if not connection.is_usable():
            raise
        return False
    return True


def unreached(servers: Collection[str], using: str) -> frozenset[str]:
    """Return those of the servers that the database gets no answer from; all are asked at the same time.

    Each over a connection of its own that is new to the server, too: one that is kept may hang in half a statement.
    Raises Django's Error where the database itself is away.
    """
    answers: SimpleQueue[tuple[str, bool | Error]] = SimpleQueue()
    for server in servers:
        words = (server, using, answers)
        threading.Thread(target=_ask, args=words, name="shards", daemon=True).start()
    there, until = set(), time.monotonic() + WAIT_SECONDS
    with suppress(Empty):
        for _ in servers:
            server, answer = answers.get(timeout=max(0.0, until - time.monotonic()))
            if isinstance(answer, Error):
                raise answer
            if answer:
                there.add(server)
    return frozenset(servers) - there


def _ask(server: str, using: str, answers: SimpleQueue[tuple[str, bool | Error]]) -> None:
    try:
        began = time.monotonic()
        connections[using].ensure_connection()
        own_ms = int(1000 * (time.monotonic() - began))
        answers.put((server, reaches(server, using, max(ANSWER_MS, OWN_TIMES * own_ms))))
    except Error as error:
        answers.put((server, error))
    finally:
        connections[using].close()

"""Which parts a vector table has, and which of their servers this process knows to be away.

A server is taken for away when a search could not reach it. A thread then asks it once a second by way of the
database that could not, and the searches after its answer include it again.

A search asks the catalogue once for the parts of a table (`parts_held`) and goes by them to its end. A table that is
moved to other servers meanwhile keeps its former parts until no transaction reads them; a search that names them later
is told that there are none, and is done again (`searching.despite_shards`).
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import Error, connections
from psycopg import sql

from retrieval_site.database.reading import alias, connection
from retrieval_site.database.vector_servers import servers_standing
from search.vectors.sharded.reaching import reaches, unreached
from search.vectors.sharded.servers import shard_named, shards

if TYPE_CHECKING:
    from collections.abc import Iterator

    from search.vectors.tables import IndexKind, VectorTable

ASK_AGAIN_SECONDS = 1.0
NEAR = "_near"
APART: dict[IndexKind, str] = {"hnsw": "distance", "ternary": "steps_apart", "binary": "apart"}
"""Its columns by which the rows of each kind of index come in order."""
_PARTS = """
    SELECT part.relname, server.srvname
    FROM pg_class parent
    JOIN pg_inherits ON inhparent = parent.oid
    JOIN pg_class part ON part.oid = inhrelid
    JOIN pg_foreign_table ON ftrelid = part.oid
    JOIN pg_foreign_server server ON server.oid = ftserver
    WHERE parent.oid = to_regclass(%s) AND parent.relkind = 'p'
    ORDER BY length(part.relname), part.relname
"""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class VectorPart:
    """One partition: the name of the foreign table, which is that of the table on its shard too, and the server's."""

    name: str
    server: str

    @property
    def identifier(self) -> sql.Identifier:
        """Return the quoted name for composing SQL."""
        return sql.Identifier(self.name)

    @property
    def near(self) -> str:
        """Return the name of the view on its shard, and of the foreign table here, that knows distances."""
        return f"{self.name}{NEAR}"


class _Away:
    """The names of servers that could not be reached, known to the whole process."""

    def __init__(self) -> None:
        self.names: frozenset[str] = frozenset()
        self.asked_by: dict[str, str] = {}
        """By which of our databases each that is away was asked, and is asked again."""
        self.found_at: dict[str, float] = {}
        """When each was last found to be away."""
        self.back_at: dict[str, float] = {}
        """When each that was away answered again."""
        self.lock = threading.Lock()
        self.watching = False


_away = _Away()
_held: ContextVar[dict[tuple[str, str], tuple[VectorPart, ...]] | None] = ContextVar("parts", default=None)
"""The parts that this search knows already, by the connection that it reads by and the table's name."""


def is_sharded() -> bool:
    """Return whether the setting names shards."""
    return bool(settings.CONFIG.vector_shards)


def parts_of(table: VectorTable) -> tuple[VectorPart, ...]:
    """Return the table's parts in the order of their remainders; none of a table on this server."""
    if not is_sharded():
        return ()
    held = _held.get()
    if held is None:
        return parts_named(table.name)
    asked = (alias(), table.name)
    if asked not in held:
        held[asked] = parts_named(table.name)
    return held[asked]


@contextmanager
def parts_held(*, anew: bool = False) -> Iterator[None]:
    """Let `parts_of` ask once for each table until the block ends; a block inside another shares what that knows.

    With `anew` both forget it first. Only for what reads: a writer names the parts that there are when it writes.
    """
    held = _held.get()
    if held is None:
        held = {}
    elif anew:
        held.clear()
    token = _held.set(held)
    try:
        yield
    finally:
        _held.reset(token)


def parts_named(name: str) -> tuple[VectorPart, ...]:
    """Return the parts of a table by its name, whatever the setting says."""
    with connection.cursor() as cursor:
        cursor.execute(_PARTS, [name])
        return tuple(VectorPart(part, server) for part, server in cursor.fetchall())


def servers_known(table: VectorTable) -> None:
    """Raise AppError `shards.away` where a part lies on a server that the setting does not name.

    Nothing can be written there; it is so between a change of the setting and `shards rebalance`.
    """
    for part in parts_named(table.name):
        shard_named(part.server)


def live(parts: tuple[VectorPart, ...]) -> tuple[VectorPart, ...]:
    """Return the parts whose servers are not known to be away."""
    return tuple(part for part in parts if part.server not in _away.names)


def rows_of(table: VectorTable) -> sql.Composable:
    """Return what a reading statement names in its FROM: the table, or those of its parts that are not away."""
    parts = parts_of(table)
    there = live(parts)
    if there == parts:
        return table.identifier
    columns = sql.SQL("SELECT unit_id, document_id, collection_id, embedding FROM {}")
    if not there:
        return sql.SQL("({} WHERE false)").format(columns.format(parts[0].identifier))
    return sql.SQL("({})").format(
        sql.SQL(" UNION ALL ").join(columns.format(part.identifier) for part in there)
    )


def away_names() -> frozenset[str]:
    """Return the names of servers that are known to be away."""
    return _away.names


def away_since(moment: float) -> frozenset[str]:
    """Return the names of servers that are known to be away, or were at some time since a moment of this process."""
    with _away.lock:
        return _away.names | {name for name, back in _away.back_at.items() if back >= moment}


def away_found_since(moment: float) -> bool:
    """Return whether a server was found to be away since a moment of this process."""
    with _away.lock:
        return any(found > moment for found in _away.found_at.values())


def away_look(using: str) -> bool:
    """Ask every server now by way of this database of ours; return whether one is away that was not known to be."""
    return away_note(unreached(frozenset(servers_standing(using)) - _away.names, using), using)


def away_note(names: frozenset[str], using: str) -> bool:
    """Leave these servers out until this database of ours reaches them; return whether that is new."""
    with _away.lock:
        new = names - _away.names
        _away.names |= names
        _away.asked_by |= dict.fromkeys(new, using)
        _away.found_at |= dict.fromkeys(new, time.monotonic())
        if new:
            known = {shard.name: shard.place for shard in shards()}
            places = ", ".join(sorted(known.get(name, name) for name in new))
            log.warning("a part of the vectors is missing, its server does not answer: %s", places)
        if _away.names and not _away.watching:
            _away.watching = True
            threading.Thread(target=_watch, name="shards", daemon=True).start()
    return bool(new)


def away_forget() -> None:
    """Take every server for there."""
    with _away.lock:
        _away.names = frozenset()
        _away.back_at.clear()
        _away.found_at.clear()


def _watch() -> None:
    while True:
        time.sleep(ASK_AGAIN_SECONDS)
        back = _back_again()
        with _away.lock:
            _away.names -= back
            _away.back_at |= dict.fromkeys(back, time.monotonic())
            if not _away.names:
                _away.watching = False
                return


def _back_again() -> frozenset[str]:
    """Return those that were away and are reached again, or that the database knows no more."""
    back = set()
    for name in _away.names:
        using = _away.asked_by[name]
        try:
            if name not in servers_standing(using) or reaches(name, using):
                back.add(name)
        except Error:  # the database is away, and nothing is known of its servers
            continue
        finally:
            connections[using].close()
    return frozenset(back)

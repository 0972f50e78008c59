"""Moving the database to another server: dumped as of one moment, filled in one transaction, and compared.

From that moment to the end nobody writes into the database that is left: its tables are locked against it, and a site
that is connected stops the move before it begins. The database that is left stays as it was.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, transaction
from psycopg import sql

from retrieval_site.database.extensions import EXTENSIONS
from retrieval_site.database.vector_servers import servers_standing
from retrieval_site.errors import AppError
from workers.backup.contents import contents, tables
from workers.backup.create import silent
from workers.backup.programs import dumped, load, server_major
from workers.backup.restore import SHOWN, check_alone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper

    from workers.backup.manifest import TableContent

LOCK_TIMEOUT_SECONDS = 15
_NAME = "sightline move_database"
_EXTENSIONS = """
    SELECT name, coalesce(installed_version, default_version) FROM pg_available_extensions WHERE name = ANY(%s)
"""
_SIZES = """
    SELECT pg_database_size(current_database()), coalesce(sum(pg_table_size(oid)), 0)::bigint
    FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""


@dataclass(frozen=True)
class DatabaseMoved:
    """How many tables and rows were moved, and are equal."""

    tables: int
    rows: int


def database_move(
    *,
    target: BaseDatabaseWrapper,
    folder: Path | None = None,
    replace: bool = False,
    say: Callable[[str], object] = silent,
) -> DatabaseMoved:
    """Make another database what the site's own is, and compare; the site's own stays as it is.

    `folder`: where the target lies, if on this machine. With `replace`, what the target holds is thrown away. Raises
    AppError `move.*`, `restore.not_empty`, `restore.site_running`, `restore.differs`, `backup.*`.
    """
    if settings.CONFIG.vector_shards or servers_standing(DEFAULT_DB_ALIAS):
        raise AppError("move.vectors_elsewhere")
    _check_another(target)
    _check_servers(target)
    _check_room(folder)
    if not replace and (found := tables(target)):
        raise AppError("restore.not_empty", what=f"the database has the table {found[0]}")
    for database in (connection, target):
        check_alone(database)
    with tempfile.TemporaryDirectory(prefix="sightline-move-") as temporary, _held() as snapshot:
        say("counting the rows")
        known = contents(without=())
        dump = Path(temporary) / "dump"
        say("dumping the database")
        with dumped(snapshot, without=()) as source, dump.open("wb") as file:
            shutil.copyfileobj(source, file)
        say("filling the other one")
        target.close()
        load(dump, replace=replace, database=target)
        say("comparing")
        _check_contents(target, known)
    return DatabaseMoved(len(known), sum(table.rows for table in known.values()))


@contextmanager
def _held() -> Iterator[str]:
    """Give the name of a snapshot, and let nobody write until the end; raises AppError `restore.site_running`."""
    listed = sql.SQL(", ").join(sql.Identifier("public", name) for name in tables())
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'")
        try:
            cursor.execute(sql.SQL("LOCK TABLE {} IN SHARE MODE").format(listed))
        except OperationalError as error:
            raise AppError("restore.site_running") from error
        cursor.execute("SELECT pg_export_snapshot()")
        yield cursor.fetchone()[0]


def _check_another(target: BaseDatabaseWrapper) -> None:
    """Raise AppError `move.same_database` where a lock that is held in the site's database is held in the target."""
    with transaction.atomic(durable=True), connection.cursor() as own, target.cursor() as other:
        own.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [_NAME])
        other.execute("SELECT pg_try_advisory_xact_lock(hashtext(%s))", [_NAME])
        if not other.fetchone()[0]:
            raise AppError("move.same_database")


def _check_servers(target: BaseDatabaseWrapper) -> None:
    """Raise AppError `move.target_older` where the target's server or its pgvector is older than the site's."""
    own, other = server_major(connection), server_major(target)
    if other < own:
        raise AppError("move.target_older", what=f"PostgreSQL {other}", needed=f"PostgreSQL {own}")
    needed, there = _versions(connection), _versions(target)
    for name in EXTENSIONS:
        if name not in there:
            raise AppError("move.target_older", what=f"no extension {name}", needed=f"{name} {needed[name]}")
    if _numbers(there["vector"]) < _numbers(needed["vector"]):
        what, own_version = f"pgvector {there['vector']}", f"pgvector {needed['vector']}"
        raise AppError("move.target_older", what=what, needed=own_version)


def _versions(database: BaseDatabaseWrapper) -> dict[str, str]:
    """Return the versions of the extensions that a database has, or would get."""
    with database.cursor() as cursor:
        cursor.execute(_EXTENSIONS, [list(EXTENSIONS)])
        return dict(cursor.fetchall())


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _check_room(folder: Path | None) -> None:
    """Raise AppError `move.no_room` where a disk of this machine lacks the room for the dump, or for the target."""
    with connection.cursor() as cursor:
        cursor.execute(_SIZES)
        whole, rows = cursor.fetchone()
    needed: dict[int, int] = {}
    for place, size in ((Path(tempfile.gettempdir()), rows), (folder, whole)):
        if place is None:
            continue
        disk = os.stat(place).st_dev  # noqa: PTH116  (of a disk, not of a file)
        needed[disk] = needed.get(disk, 0) + size
        if (free := shutil.disk_usage(place).free) < needed[disk]:
            raise AppError("move.no_room", place=str(place), needed_bytes=needed[disk], free_bytes=free)


def _check_contents(target: BaseDatabaseWrapper, known: dict[str, TableContent]) -> None:
    """Raise AppError `restore.differs` where a table of the target does not hold what was dumped."""
    found = contents(target, without=())
    differing = [name for name in sorted(known.keys() | found.keys()) if found.get(name) != known.get(name)]
    if differing:
        raise AppError("restore.differs/moved", tables=differing[:SHOWN])

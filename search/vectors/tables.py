"""One plain table of vectors per model version and kind of unit; this module alone makes and drops them.

Why plain tables and no partitions: each has its own `halfvec(N)`, and dropping one waits for nobody who searches
another. Why `STORAGE PLAIN`: vectors stay in the row, three to a page at 1,024 dimensions, and an exact scan is
four times as fast as one that follows every row out of line. Up to 4,000 dimensions, which is also as far as
an HNSW index goes, a row fits into a page.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from django.db import OperationalError, ProgrammingError, connection, transaction
from psycopg import sql
from psycopg.errors import LockNotAvailable, UndefinedTable

from retrieval_site.errors import AppError
from search.units.registry import unit_kind, unit_kinds, unit_kinds_of
from search.vectors.sharded.citus import citus_create, citus_nodes
from search.vectors.sharded.layout import is_sharded, parts_named
from search.vectors.sharded.tables import parts_create, parts_drop

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.db.backends.utils import CursorWrapper

    from models_admin.models import ModelVersion
    from search.vectors.sharded.layout import VectorPart

IndexKind = Literal["hnsw", "ternary", "binary"]
INDEX_KINDS: tuple[IndexKind, ...] = ("hnsw", "ternary", "binary")
"""That first which searches prefer where several stand."""
CODED: tuple[IndexKind, ...] = ("ternary", "binary")
"""Indexes of short codes of the vectors: what they propose is compared exactly."""
DIM_MAX = 4000
DROP_LOCK_TIMEOUT_SECONDS = 5.0
DROP_LOCK_BRIEF_SECONDS = 0.1
"""Far below the second after which PostgreSQL looks for circles (`deadlock_timeout`)."""
_NAME = re.compile(r"embedding_(\d+)_([a-z]+)")

_REFERENCED = """
    SELECT DISTINCT relname FROM pg_constraint JOIN pg_class units ON units.oid = confrelid
    WHERE contype = 'f' AND conrelid = ANY(%s::regclass[]) ORDER BY relname
"""
_CREATE = sql.SQL("""
    CREATE TABLE IF NOT EXISTS {table} (
        unit_id bigint PRIMARY KEY REFERENCES {units} (id) ON DELETE CASCADE,
        document_id bigint NOT NULL,
        collection_id bigint NOT NULL,
        embedding halfvec({dim}) STORAGE PLAIN NOT NULL
    );
    CREATE INDEX IF NOT EXISTS {by_document} ON {table} (document_id);
    CREATE INDEX IF NOT EXISTS {by_collection} ON {table} (collection_id);
""")


@dataclass(frozen=True)
class VectorTable:
    """The vectors of one kind of unit under one model version, and the names that belong to them."""

    version_id: int
    kind: str

    @property
    def name(self) -> str:
        """Return the table's name, `embedding_<version id>_<kind>`."""
        return f"embedding_{self.version_id}_{self.kind}"

    @property
    def units(self) -> str:
        """Return the table of the units that the vectors belong to."""
        return unit_kind(self.kind).table

    @property
    def unit_rows(self) -> sql.Composable:
        """Return the rows of that table which are units of this kind, for a FROM."""
        rows = sql.Identifier(self.units)
        if not (where := unit_kind(self.kind).where):
            return rows
        return sql.SQL("(SELECT unit.* FROM {} unit WHERE {})").format(rows, sql.SQL(where))

    def index_name(self, index: IndexKind) -> str:
        """Return the name of its index of that kind."""
        return f"{self.name}_{index}"

    @property
    def identifier(self) -> sql.Identifier:
        """Return the quoted name for composing SQL."""
        return sql.Identifier(self.name)

    def exists(self) -> bool:
        """Return whether the table has been made."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [self.name])
            return bool(cursor.fetchone()[0])


def tables_of(version: ModelVersion) -> tuple[VectorTable, ...]:
    """Return the tables that a version needs: one for each kind of unit that it encodes."""
    return tuple(VectorTable(version.pk, kind.name) for kind in unit_kinds_of(version.manifest))


def table_create(version: ModelVersion) -> tuple[VectorTable, ...]:
    """Make the version's vector tables where they are missing; raises AppError `model.dimension` for a bad one.

    Over the servers that the setting names, else as Citus distributes them where that is installed, else here.
    """
    if not 1 <= version.dim <= DIM_MAX:
        raise AppError("model.dimension", dim=version.dim, most=DIM_MAX)
    tables = tables_of(version)
    with transaction.atomic():
        for table in tables:
            if table.exists():
                continue  # wherever it lies
            if is_sharded():
                parts_create(table, version.dim)
            elif nodes := citus_nodes():
                citus_create(table, version.dim, nodes)
            else:
                plain_create(table, version.dim)
    return tables


def plain_create(table: VectorTable, dim: int, *, name: str = "") -> None:
    """Make the table on this server, under its own name or another."""
    name = name or table.name
    statement = _CREATE.format(
        table=sql.Identifier(name),
        units=sql.Identifier(table.units),
        dim=sql.Literal(dim),
        by_document=sql.Identifier(f"{name}_document"),
        by_collection=sql.Identifier(f"{name}_collection"),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement)


def plain_indexes_rename(before: str, after: str) -> None:
    """Let the indexes that `plain_create` made with a table be named after the table's new name."""
    with connection.cursor() as cursor:
        for suffix in ("pkey", "document", "collection"):
            names = map(sql.Identifier, (f"{before}_{suffix}", f"{after}_{suffix}"))
            cursor.execute(sql.SQL("ALTER INDEX IF EXISTS {} RENAME TO {}").format(*names))


def table_drop(version: ModelVersion) -> None:
    """Drop the version's vector tables, all or none; parts on shards go right after.

    Waits a few seconds for searches and writers, then raises AppError `vectors.in_use` instead of standing in
    the queue, where it would hold up every search that comes after it.
    """
    tables = [VectorTable(version.pk, kind.name) for kind in unit_kinds()]
    parts = {table: parts_named(table.name) for table in tables}
    until, turn = time.monotonic() + DROP_LOCK_TIMEOUT_SECONDS, 0
    while there := {table: parts[table] for table in tables if table.exists()}:
        if not _dropped(there, turn, until - time.monotonic()) and time.monotonic() > until:
            raise AppError("vectors.in_use", model=version.key)
        turn += 1
    parts_drop([part for known in parts.values() for part in known])


def _referenced(names: Sequence[str]) -> list[str]:
    """Return the tables of units that dropping these locks, too, by their foreign keys; those on shards have none."""
    with connection.cursor() as cursor:
        cursor.execute(_REFERENCED, [list(names)])
        return [name for (name,) in cursor.fetchall()]


def _dropped(tables: Mapping[VectorTable, Sequence[VectorPart]], turn: int, seconds: float) -> bool:
    """Drop the tables and what leads to their parts once all the locks are held; False where some were not to be had.

    One is waited for, each turn another, and the rest hardly: whoever waits for one while they hold another may stand
    in a circle with a writer, and PostgreSQL would end one of the two, a second later. The caller's own limit counts
    again then.
    """
    names = [table.name for table in tables]
    locked = [*_referenced(names), *names]
    first = turn % len(locked)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('lock_timeout')")
            (before,) = cursor.fetchone()
            _lock(cursor, [locked[first]], max(seconds, DROP_LOCK_BRIEF_SECONDS))
            _lock(cursor, locked[:first] + locked[first + 1 :], DROP_LOCK_BRIEF_SECONDS)
            for table, parts in tables.items():
                for part in parts:  # a search may read by this alone
                    near = sql.Identifier(part.near)
                    cursor.execute(sql.SQL("DROP FOREIGN TABLE IF EXISTS {}").format(near))
                cursor.execute(sql.SQL("DROP TABLE {}").format(table.identifier))
            cursor.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(before)))
    except (OperationalError, ProgrammingError) as error:
        # Somebody else may have dropped one of them meanwhile.
        if not isinstance(error.__cause__, LockNotAvailable | UndefinedTable):
            raise
        return False
    return True


def _lock(cursor: CursorWrapper, names: Sequence[str], seconds: float) -> None:
    cursor.execute(f"SET LOCAL lock_timeout = '{int(seconds * 1000)}ms'")
    for name in names:
        cursor.execute(sql.SQL("LOCK TABLE ONLY {} IN ACCESS EXCLUSIVE MODE").format(sql.Identifier(name)))


def table_names() -> tuple[VectorTable, ...]:
    """Return every vector table there is, by version and kind."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename LIKE %s",
            [r"embedding\_%"],
        )
        found = [_NAME.fullmatch(name) for (name,) in cursor.fetchall()]
    known = {kind.name for kind in unit_kinds()}
    tables = [VectorTable(int(match[1]), match[2]) for match in found if match and match[2] in known]
    return tuple(sorted(tables, key=lambda table: (table.version_id, table.kind)))

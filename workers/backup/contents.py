"""What the database holds, table by table: how many rows, and a digest of them that does not depend on the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection
from psycopg import sql

from retrieval_site.database.vector_servers import TABLES_ELSEWHERE
from workers.backup.manifest import TableContent
from workers.backup.programs import NOT_KEPT

if TYPE_CHECKING:
    from collections.abc import Container

    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.backends.utils import CursorWrapper

WHOLE_UP_TO = 20_000
"""Rows: of larger tables about half as many are digested, always the same ones."""

_TABLES = f"""
    SELECT relation.relname FROM pg_class relation
    WHERE relation.relkind IN ('r', 'p') AND relation.relnamespace = 'public'::regnamespace
      AND relation.relname NOT IN ({TABLES_ELSEWHERE})
      AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = relation.oid AND deptype = 'e')
    ORDER BY relation.relname
"""  # noqa: S608  (our own words)


def tables(database: BaseDatabaseWrapper | None = None) -> list[str]:
    """Return the names of the tables of the site's database, or another; extensions' own, and those on other servers,
    are left out.
    """
    with (database or connection).cursor() as cursor:
        cursor.execute(_TABLES)
        return [name for (name,) in cursor.fetchall()]


def contents(
    database: BaseDatabaseWrapper | None = None, without: Container[str] = NOT_KEPT
) -> dict[str, TableContent]:
    """Return the content of every table, of the site's database or another, but of `without`, which backups lack."""
    with (database or connection).cursor() as cursor:
        # For the session: what was restored or moved is not read in one transaction.
        cursor.execute("SELECT set_config('timezone', 'UTC', false), set_config('datestyle', 'ISO', false)")
        return {name: _content(cursor, name) for name in tables(database) if name not in without}


def _content(cursor: CursorWrapper, name: str) -> TableContent:
    """Count and digest: a row's hash is of its text; their sum does not depend on their order."""
    table = sql.Identifier(name)
    cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(table))
    (rows,) = cursor.fetchone()
    every = max(1, rows // (WHOLE_UP_TO // 2)) if rows > WHOLE_UP_TO else 1
    statement = sql.SQL(
        "SELECT coalesce(sum(hashtextextended(row_.*::text, 0)::numeric), 0)::text FROM {} row_"
        " WHERE mod(abs(hashtextextended({}::text, 0) / 2), {}) = 0"
    )
    cursor.execute(statement.format(table, _key(cursor, name), sql.Literal(every)))
    (digest,) = cursor.fetchone()
    return TableContent(rows, digest, sampled=every > 1)


_KEY = """
    SELECT attribute.attname FROM pg_index key
    JOIN pg_attribute attribute ON attribute.attrelid = key.indrelid AND attribute.attnum = key.indkey[0]
    WHERE key.indrelid = %s::regclass AND key.indisprimary
"""


def _key(cursor: CursorWrapper, name: str) -> sql.Composable:
    """Return the first column of the table's primary key, by which rows are chosen; the whole row without one."""
    cursor.execute(_KEY, [f'public."{name}"'])
    found = cursor.fetchone()
    return sql.SQL("row_.{}").format(sql.Identifier(found[0])) if found else sql.SQL("row_.*")

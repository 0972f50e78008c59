"""The servers of vectors, and what lies there, as the database itself knows them."""

from __future__ import annotations

from django.db import connections

PREFIX = "sightline_shard_"
"""What the names of all of them begin with."""
_STANDING = "SELECT srvname FROM pg_foreign_server WHERE starts_with(srvname, %s) ORDER BY srvname"
_FOREIGN = """
    SELECT relname FROM pg_class
    WHERE relkind = 'f' AND relnamespace = 'public'::regnamespace ORDER BY relname
"""
TABLES_ELSEWHERE = """
    SELECT DISTINCT parent.relname FROM pg_class parent
    JOIN pg_inherits ON inhparent = parent.oid JOIN pg_class part ON part.oid = inhrelid
    WHERE parent.relkind = 'p' AND part.relkind = 'f' AND parent.relnamespace = 'public'::regnamespace
    ORDER BY parent.relname
"""
"""Names of tables whose rows lie on other servers: partitioned ones with a part that is a foreign table."""


def servers_standing(using: str) -> list[str]:
    """Return the names of the servers of vectors that the database knows, whatever the setting says."""
    with connections[using].cursor() as cursor:
        cursor.execute(_STANDING, [PREFIX])
        return [name for (name,) in cursor.fetchall()]


def tables_elsewhere(using: str) -> list[str]:
    """Return the names of the tables whose rows lie on servers of vectors."""
    return _names(using, TABLES_ELSEWHERE)


def foreign_tables(using: str) -> list[str]:
    """Return the names of the tables that only lead to another server."""
    return _names(using, _FOREIGN)


def _names(using: str, statement: str) -> list[str]:
    with connections[using].cursor() as cursor:
        cursor.execute(statement)
        return [name for (name,) in cursor.fetchall()]

"""The servers of vectors as the database itself knows them, by the name that all of them begin with."""

from __future__ import annotations

from django.db import connections

PREFIX = "sightline_shard_"
_STANDING = "SELECT srvname FROM pg_foreign_server WHERE starts_with(srvname, %s) ORDER BY srvname"


def servers_standing(using: str) -> list[str]:
    """Return the names of the servers of vectors that the database knows, whatever the setting says."""
    with connections[using].cursor() as cursor:
        cursor.execute(_STANDING, [PREFIX])
        return [name for (name,) in cursor.fetchall()]

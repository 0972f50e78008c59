"""Which servers of vectors our own database reaches, since it is the one that asks them in a search.

What this process reaches says nothing of that: a firewall, a password of the mapping or a replica's machine may be in
between.
"""

from __future__ import annotations

from django.db import DatabaseError, connections, transaction
from psycopg import sql

from search.vectors.sharded.setting_up import width_table

ANSWER_MS = 700
_ANSWERS = sql.SQL("SELECT ef_search FROM {} LIMIT 1")


def reaches(server: str, using: str) -> bool:
    """Return whether the database gets an answer from a server, which is set up, within `ANSWER_MS`.

    Raises Django's DatabaseError where the database itself went away.
    """
    connection = connections[using]
    try:
        with transaction.atomic(using=using), connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout')")
            (before,) = cursor.fetchone()
            cursor.execute(f"SET LOCAL statement_timeout = {ANSWER_MS}")
            cursor.execute(_ANSWERS.format(sql.Identifier(width_table(server))))
            cursor.execute(sql.SQL("SET LOCAL statement_timeout = {}").format(sql.Literal(before)))
    except DatabaseError:
        if not connection.is_usable():
            raise
        return False
    return True

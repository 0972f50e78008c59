"""The database engine (`base.py`), and what statements on the way to an answer use of it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from psycopg import sql

from retrieval_site.database.addresses import application_of
from retrieval_site.database.reading import connection
from retrieval_site.tracing import current_request

if TYPE_CHECKING:
    from collections.abc import Iterator


class Prepared(str):
    """A statement that every connection parses once, and plans once where its values do not matter to the plan.

    For those that stand in every search and whose best plan is the same whatever is asked for. A statement whose
    plan depends on its values (filters) stays a plain string.
    """

    __slots__ = ()


@contextmanager
def in_one_trip() -> Iterator[None]:
    """Send the statements of this block to the server together, and wait for all their answers at its end.

    Fetch what they found behind the block. Needs a cursor for each statement; several statements in one string
    are refused by the server. Errors come at the end of the block, as Django's.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield


NAME_MAX_BYTES = 63
"""PostgreSQL cuts a longer `application_name`, and says so."""


def named_by_request(scope: str) -> sql.Composed:
    """Return the statement by which the server's log and `pg_stat_activity` name the current request.

    `scope`: `LOCAL` for a transaction, `SESSION` until it is said again.
    """
    name = f"{application_of(connection.settings_dict)} {current_request()}".rstrip()
    return sql.SQL(f"SET {scope} application_name = {{}}").format(sql.Literal(name[:NAME_MAX_BYTES]))

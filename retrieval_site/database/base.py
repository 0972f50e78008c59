"""Django's PostgreSQL engine, with fewer round trips before an answer."""

from __future__ import annotations

import select
from itertools import chain
from typing import TYPE_CHECKING, Any, Self

import psycopg
from django.db.backends.postgresql import base
from django.db.backends.postgresql.features import DatabaseFeatures as PostgresFeatures
from django.db.backends.postgresql.operations import DatabaseOperations as PostgresOperations
from django.db.models import CompositePrimaryKey

from retrieval_site.database import Prepared

if TYPE_CHECKING:
    from collections.abc import Sequence

ONLY_WHEN_ASKED = 2**31
"""How often a statement must come before psycopg prepares it by itself: never."""


class PreparingCursor(base.CursorMixin, psycopg.Cursor[Any]):
    """Prepares `Prepared` statements, and no other: named statements take memory on every connection."""

    def execute(
        self, query: Any, params: Any = None, *, prepare: bool | None = None, binary: bool | None = None
    ) -> Self:
        """Execute, as psycopg's."""
        prepare = isinstance(query, Prepared) if prepare is None else prepare
        return super().execute(query, params, prepare=prepare, binary=binary)


class DatabaseFeatures(PostgresFeatures):
    """PostgreSQL as the server binds parameters: their number is sent in 16 bits."""

    max_query_params = 2**16 - 1


class DatabaseOperations(PostgresOperations):
    """Bulk statements in parts that hold no more parameters than one statement can."""

    def bulk_batch_size(self, fields: Sequence[Any], objs: Sequence[Any]) -> int:
        """Return how many rows of these fields one statement takes.

        Django's `bulk_update` names a row's key again for each field, so a field may take two parameters.
        """
        columns = chain.from_iterable(
            field.fields if isinstance(field, CompositePrimaryKey) else [field] for field in fields
        )
        return int(DatabaseFeatures.max_query_params // max(1, 2 * len(list(columns))))


class DatabaseWrapper(base.DatabaseWrapper):
    """The connection of a thread."""

    features_class = DatabaseFeatures
    ops_class = DatabaseOperations

    def get_connection_params(self) -> dict[str, Any]:
        """Return Django's, with our cursor."""
        parameters: dict[str, Any] = super().get_connection_params()
        return parameters | {"cursor_factory": PreparingCursor, "prepare_threshold": ONLY_WHEN_ASKED}

    def is_usable(self) -> bool:
        """Return whether the connection still stands: asked by a query only where something speaks against it.

        A server that ends closes the socket, which then can be read; so can one that has sent us a notice.
        """
        known = self.connection
        if known is None or known.closed or self.errors_occurred or _has_news(known.pgconn.socket):
            return bool(super().is_usable())
        return True


def _has_news(socket: int) -> bool:
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    return bool(poll.poll(0))

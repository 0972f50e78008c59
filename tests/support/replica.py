"""Another connection in the place of the replica's."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from django.db import connections

from retrieval_site.database.replica import REPLICA

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def replica_at(database: dict[str, Any]) -> Iterator[None]:
    """Let the replica be this database; Django's tests take it for the same as the default one."""
    database["TEST"]["MIRROR"] = "default"
    connections.databases[REPLICA] = database
    yield
    with suppress(AttributeError):
        connections[REPLICA].close()
        del connections[REPLICA]  # emptying the tables after the last test opens it anew
    del connections.databases[REPLICA]

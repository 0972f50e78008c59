"""Servers of vectors in tests: which of them the setting names, and what it is like when one says nothing."""

from __future__ import annotations

import socket
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection

from tests.support.postgres_servers import PostgresServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import pytest

PATIENCE_SECONDS = 20.0


def use(monkeypatch: pytest.MonkeyPatch, servers: Sequence[PostgresServer]) -> None:
    """Name these servers in the setting."""
    addresses = [f"postgresql://postgres:hush@/sightline?host={server.socket}" for server in servers]
    monkeypatch.setattr(settings, "CONFIG", replace(settings.CONFIG, vector_shards=addresses))


@contextmanager
def empty_servers(folder: Path, name: str, count: int) -> Iterator[list[PostgresServer]]:
    """Empty servers, each with a database."""
    found = [PostgresServer(folder / f"{name}-{number}") for number in range(count)]
    for server in found:
        server.start()
        server.embedded.ensure_database()
    yield found
    for server in found:
        server.end()


def servers_forgotten() -> None:
    """Take everything that `set_up` made out of the database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DROP EXTENSION IF EXISTS postgres_fdw CASCADE; DROP FUNCTION IF EXISTS sightline_vectors_gone CASCADE"
        )
        cursor.execute("DROP TABLE IF EXISTS sightline_vectors_left")


@contextmanager
def silent(server: PostgresServer) -> Iterator[None]:
    """Something in the place of a server that has ended: it takes connections and says nothing."""
    path = server.paths.run / ".s.PGSQL.5432"
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o777)
        listener.listen(16)
        yield
    path.unlink()


def wait_for(is_so: Callable[[], object]) -> None:
    """Wait until it is so, and fail where that takes long."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.05)

"""The shards that `VECTOR_SHARDS` names: their addresses, names, and connections of our own to them."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import psycopg
from django.conf import settings
from psycopg.conninfo import conninfo_to_dict

from retrieval_site.database.vector_servers import PREFIX
from retrieval_site.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECTION: dict[str, Any] = {
    "connect_timeout": 2,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""A server that is switched off is noticed within 20 s, also while a statement of hours runs there in silence.

What the address of the setting says of these counts instead.
"""
_OF_THE_USER = frozenset({"user", "password", "sslpassword"})


@dataclass(frozen=True)
class Shard:
    """One server: libpq's parameters, which hold a password and are never shown, and a name made of where it is."""

    parameters: dict[str, str] = field(repr=False, hash=False)
    name: str

    @property
    def place(self) -> str:
        """Return where it is, for people: host, port and database, no user and no password."""
        known = self.parameters
        return f"{known.get('host', 'localhost')}:{known.get('port', '5432')}/{known.get('dbname', '')}"

    @property
    def of_server(self) -> dict[str, str]:
        """Return what `CREATE SERVER` takes of the address."""
        return {name: value for name, value in self.parameters.items() if name not in _OF_THE_USER}

    @property
    def of_user(self) -> dict[str, str]:
        """Return what the user mapping takes."""
        return {name: value for name, value in self.parameters.items() if name in _OF_THE_USER}


def shards() -> tuple[Shard, ...]:
    """Return the shards of the setting, in its order; raises AppError `shards.address` for what is no address."""
    return _shards(tuple(settings.CONFIG.vector_shards))


@lru_cache(maxsize=8)
def _shards(addresses: tuple[str, ...]) -> tuple[Shard, ...]:
    found = tuple(_shard(place, address) for place, address in enumerate(addresses, start=1))
    if len({shard.name for shard in found}) < len(found):
        raise AppError("shards.twice")
    return found


def _shard(place: int, address: str) -> Shard:
    try:
        known = {name: str(value) for name, value in conninfo_to_dict(address).items() if value is not None}
    except psycopg.ProgrammingError:
        raise AppError("shards.address", place=place) from None  # what libpq says quotes the address
    where = "|".join(known.get(name, "") for name in ("host", "port", "dbname"))
    digest = hashlib.sha256(where.encode()).hexdigest()[:8]
    return Shard(known, f"{PREFIX}{digest}")


def shard_named(name: str) -> Shard:
    """Return the shard of that name; raises AppError `shards.away` where the setting has none."""
    for shard in shards():
        if shard.name == name:
            return shard
    raise AppError("shards.away", place=name)


@contextmanager
def connected(shard: Shard) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """Hold a connection to a shard that commits each statement; raises AppError `shards.away`, also where it ends."""
    parameters: dict[str, Any] = CONNECTION | shard.parameters
    try:
        connection = psycopg.connect(**parameters, application_name="sightline-shards", autocommit=True)
    except psycopg.OperationalError as error:
        raise AppError("shards.away", place=shard.place) from error
    try:
        with connection:
            yield connection
    except psycopg.OperationalError as error:
        if not connection.broken:
            raise
        raise AppError("shards.away", place=shard.place) from error


def answers(shard: Shard) -> bool:
    """Return whether a shard takes a connection and answers."""
    try:
        with connected(shard) as connection:
            connection.execute("SELECT 1")
    except (AppError, psycopg.Error):
        return False
    return True

"""What searching adds to `/readyz`: the active model is in a worker's memory, and its vectors answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import Error, connection, transaction
from psycopg import sql
from redis import RedisError

from models_admin.services import champion
from retrieval_site.health.checks import CheckFailedError, register
from search.vectors.index import index_state
from search.vectors.nearest import nearest
from search.vectors.tables import VectorTable, tables_of
from workers.query import workers_alive

if TYPE_CHECKING:
    from models_admin.models import ModelVersion

ANSWER_TIMEOUT_MS = 2000
NO_MODEL = "no model is active yet"

_NEAREST = sql.SQL("""
    SELECT unit_id FROM {table} ORDER BY {nearest} LIMIT 1
""")
_STORED = sql.SQL("(SELECT embedding FROM {table} LIMIT 1)")


def register_checks() -> None:
    """Add both checks; called once the applications are loaded."""
    register("model", check_model)
    register("index", check_index)


def check_model() -> str:
    """Return the active model's name; fail while no query worker holds it."""
    version = _champion()
    if version is None:
        return NO_MODEL
    try:
        loaded = {key for told in workers_alive().values() for key in told["loaded"]}
    except RedisError as error:
        raise CheckFailedError("Unknown: Redis does not answer.") from error
    if version.pk not in loaded:
        raise CheckFailedError(f"No query worker has loaded {version.key} yet.")
    return f"{version.key} is loaded"


def check_index() -> str:
    """Search the active model's tables for one of their own vectors; fail if one does not answer in two seconds."""
    version = _champion()
    if version is None:
        return NO_MODEL
    for table in tables_of(version):
        _search(version, table)
    return f"{version.key} answers"


def _champion() -> ModelVersion | None:
    try:
        return champion()
    except Error as error:
        raise CheckFailedError("Unknown: PostgreSQL does not answer.") from error


def _search(version: ModelVersion, table: VectorTable) -> None:
    try:
        index = index_state(version, table.kind).kind or "hnsw"
        near = nearest(index, version.dim, _STORED.format(table=table.identifier))
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {ANSWER_TIMEOUT_MS}")
            cursor.execute(_NEAREST.format(table=table.identifier, nearest=near))
    except Error as error:
        raise CheckFailedError(f"{table.name} does not answer: {error}".strip()) from error

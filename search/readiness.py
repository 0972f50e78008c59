"""What searching adds to `/readyz`: the active model is in a worker's memory, and its vectors answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import Error, connection, transaction
from psycopg import sql
from redis import RedisError

from models_admin.services import champion
from retrieval_site.health.checks import CheckFailedError, register
from search.vectors.tables import VectorTable, tables_of
from workers.query import workers_alive

if TYPE_CHECKING:
    from models_admin.models import ModelVersion

ANSWER_TIMEOUT_MS = 2000
NO_MODEL = "no model is active yet"

_NEAREST = sql.SQL("""
    SELECT unit_id FROM {table} ORDER BY embedding <#> (SELECT embedding FROM {table} LIMIT 1) LIMIT 1
""")


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
        _search(table)
    return f"{version.key} answers"


def _champion() -> ModelVersion | None:
    try:
        return champion()
    except Error as error:
        raise CheckFailedError("Unknown: PostgreSQL does not answer.") from error


def _search(table: VectorTable) -> None:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {ANSWER_TIMEOUT_MS}")
            cursor.execute(_NEAREST.format(table=table.identifier))
    except Error as error:
        raise CheckFailedError(f"{table.name} does not answer: {error}".strip()) from error

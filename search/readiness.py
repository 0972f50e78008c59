"""What searching adds to `/readyz`: query workers are there, one holds the active model, and its vectors answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import Error, connection, transaction
from django.utils.translation import gettext
from psycopg import sql
from redis import RedisError

from models_admin.models import ModelVersion
from models_admin.services import champion
from retrieval_site.health.broker import broker
from retrieval_site.health.checks import CheckFailedError, register
from retrieval_site.languages.lazy import gettext_lazy
from search.vectors.index import table_state
from search.vectors.nearest import nearest
from search.vectors.sharded.layout import rows_of
from search.vectors.sharded.searching import despite_shards
from search.vectors.tables import VectorTable, tables_of
from workers.encoding.client import workers_alive

if TYPE_CHECKING:
    from workers.encoding.wire import Beat

ANSWER_TIMEOUT_MS = 2000
NO_MODEL = gettext_lazy("no model is active yet")

_NEAREST = sql.SQL("""
    SELECT unit_id FROM {table} stored ORDER BY {nearest} LIMIT 1
""")
_STORED = sql.SQL("(SELECT embedding FROM {table} first LIMIT 1)")


def register_checks() -> None:
    """Add the checks; called once the applications are loaded."""
    register("query_worker", check_query_worker)
    register("model", check_model)
    register("index", check_index)


def check_query_worker() -> str:
    """Return how many query workers there are, and which models (`name@number`) they hold; fail without one."""
    workers = _alive()
    if not workers:
        raise CheckFailedError(gettext("No `query` worker answers. Start one; `make run` does."))
    return gettext("{workers} there, loaded: {loaded}").format(
        workers=len(workers), loaded=", ".join(_names(workers)) or gettext("no model yet")
    )


def _alive() -> dict[str, Beat]:
    try:
        return workers_alive(broker())
    except RedisError as error:
        raise CheckFailedError(gettext("Unknown: Redis does not answer.")) from error


def _loaded(workers: dict[str, Beat]) -> set[int]:
    return {version_id for beat in workers.values() for version_id in beat.loaded}


def _names(workers: dict[str, Beat]) -> list[str]:
    try:
        return sorted(version.key for version in ModelVersion.objects.filter(pk__in=_loaded(workers)))
    except Error as error:
        raise CheckFailedError(gettext("Unknown: PostgreSQL does not answer.")) from error


def check_model() -> str:
    """Return the active model's name; fail while no query worker holds it."""
    version = _champion()
    if version is None:
        return NO_MODEL
    if version.pk not in _loaded(_alive()):
        raise CheckFailedError(gettext("No query worker has loaded {key} yet.").format(key=version.key))
    return gettext("{key} is loaded").format(key=version.key)


def check_index() -> str:
    """Search the active model's tables for one of their own vectors; fail if one does not answer in two seconds."""
    version = _champion()
    if version is None:
        return NO_MODEL
    for table in tables_of(version):
        _search(version, table)
    return gettext("{key} answers").format(key=version.key)


def _champion() -> ModelVersion | None:
    try:
        return champion()
    except Error as error:
        raise CheckFailedError(gettext("Unknown: PostgreSQL does not answer.")) from error


def _search(version: ModelVersion, table: VectorTable) -> None:
    try:
        despite_shards(lambda: _nearest(version, table))
    except Error as error:
        raise CheckFailedError(
            gettext("{name} does not answer: {error}").format(name=table.name, error=error).strip()
        ) from error


def _nearest(version: ModelVersion, table: VectorTable) -> None:
    _, index = table_state(table) or (0, None)
    near = nearest(index or "hnsw", version.dim, _STORED.format(table=rows_of(table)))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {ANSWER_TIMEOUT_MS}")
        cursor.execute(_NEAREST.format(table=rows_of(table), nearest=near))

"""Vector tables that versions in use lack, of a kind of unit that came later or after a restore."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.db import connection

from models_admin.models import ModelVersion, VersionState
from retrieval_site.errors import AppError
from search.vectors.sharded.searching import is_of_shards
from search.vectors.tables import table_create, tables_of

if TYPE_CHECKING:
    from search.vectors.tables import VectorTable

_COLUMNS = ("name", "number", "state", "dim", "manifest")
"""What is read of a version: a migration may have stopped before later columns are there."""

log = logging.getLogger(__name__)


def tables_complete(**_: Any) -> None:
    """Make the vector tables that versions in use lack; their vectors are missing then and the next job makes them.

    Runs behind each `migrate`. Where that went back to before a kind's table was made, nothing is done. Where the
    tables belong on servers that are not set up or away, as after a restore, it is left to `shards rebuild`.
    """
    try:
        tables_make()
    except AppError as error:
        if not is_of_shards(error):
            raise
        log.warning("tables of vectors are missing, which “manage.py shards rebuild” makes: %s", error)


def tables_make() -> list[VectorTable]:
    """Make the vector tables that versions in use lack, and return them; raises AppError `shards.*`."""
    there = set(connection.introspection.table_names())
    if ModelVersion._meta.db_table not in there:
        return []
    in_use = ModelVersion.objects.filter(state__in=[VersionState.PREPARING, VersionState.READY])
    made = []
    for version in in_use.only(*_COLUMNS):
        tables = tables_of(version)
        missing = [table for table in tables if table.name not in there]
        if missing and {table.units for table in tables} <= there:
            table_create(version)
            made += missing
    return made

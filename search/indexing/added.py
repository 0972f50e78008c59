"""Kinds of unit that were added after a version was prepared: the next migration makes its tables for them."""

from __future__ import annotations

from typing import Any

from django.db import connection

from models_admin.models import ModelVersion, VersionState
from search.vectors.tables import table_create, tables_of

_COLUMNS = ("name", "number", "state", "dim", "manifest")
"""What is read of a version: a migration may have stopped before later columns are there."""


def tables_complete(**_: Any) -> None:
    """Make the vector tables that versions in use lack; their vectors are missing then and the next job makes them.

    Runs behind each `migrate`. Where that went back to before a kind's table was made, nothing is done.
    """
    there = set(connection.introspection.table_names())
    if ModelVersion._meta.db_table not in there:
        return
    in_use = ModelVersion.objects.filter(state__in=[VersionState.PREPARING, VersionState.READY])
    for version in in_use.only(*_COLUMNS):
        tables = tables_of(version)
        if {table.units for table in tables} <= there and not {table.name for table in tables} <= there:
            table_create(version)

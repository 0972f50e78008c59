"""Model instances out of statements that are written once.

Django composes a queryset's SQL anew each time, which costs the web process more than the statement itself. Where a
statement stands before every search, it is plain SQL around `Columns`, which follow the model by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Model

from retrieval_site.database import Prepared

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Columns(Generic[M]):
    """All columns of a model, one after the other, as some statement selects them."""

    model: type[M]
    alias: str
    names: tuple[str, ...]
    sql: str
    """The columns for a SELECT, under the table's alias in it."""
    conversions: tuple[tuple[int, Callable[[Any, Any, Any], Any]], ...]
    """Which values the model keeps in another form than the driver gives them, by their place (JSON)."""

    def instance(self, values: Sequence[Any]) -> M:
        """Return the instance of these columns' values, as a queryset would."""
        found = list(values)
        for place, convert in self.conversions:
            found[place] = convert(found[place], None, connection)
        return self.model.from_db(DEFAULT_DB_ALIAS, self.names, found)

    def split(self, row: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """Return the values of these columns, which come first in `row`, and the rest of it."""
        return row[: len(self.names)], row[len(self.names) :]


def insert(row: Model) -> None:
    """Write a new row with a key of its own; without the signals and defaults of the database that `save` minds."""
    statement, fields = _insertion(type(row))
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            [field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in fields],
        )
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


@cache
def _insertion(model: type[Model]) -> tuple[Prepared, tuple[Any, ...]]:
    fields = model._meta.concrete_fields
    names, places = ", ".join(f'"{field.column}"' for field in fields), ", ".join(["%s"] * len(fields))
    return Prepared(f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES ({places})'), fields  # noqa: S608  our own names


@cache
def columns(model: type[M], alias: str) -> Columns[M]:
    """Return the columns of `model` where its table is called `alias`."""
    fields = model._meta.concrete_fields
    return Columns(
        model,
        alias,
        tuple(field.attname for field in fields),
        ", ".join(f'{alias}."{field.column}"' for field in fields),
        tuple(
            (place, convert)
            for place, field in enumerate(fields)
            for convert in field.get_db_converters(connection)
        ),
    )

"""What an update does to the database lets the version before go on with it: for pods of both, and for the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.migrations.operations.base import Operation

OURS = ("accounts", "models_admin", "search", "workers")
BEFORE_THE_RULE = {"accounts": 3, "models_admin": 8, "search": 44, "workers": 3}
"""The last migration of each app that may break the rule: no version had been released before them."""
TAKES_AWAY = (
    migrations.DeleteModel, migrations.RemoveField, migrations.RenameField, migrations.RenameModel,
    migrations.AlterModelTable,
)  # fmt: skip


def complaints(operation: Operation) -> Iterator[str]:
    """Yield why the version before could not read or write what this operation leaves."""
    if isinstance(operation, TAKES_AWAY):
        yield f"takes away what the version before asks for: {operation.describe()}"
    if isinstance(operation, migrations.AddField) and not _is_filled(operation.field):
        yield f"a row of the version before has no value for it (null=True or db_default=): {operation.describe()}"


def _is_filled(field: models.Field) -> bool:
    return field.null or field.has_db_default() or field.many_to_many


def test_the_version_before_can_go_on_with_what_migrations_leave() -> None:
    found = [
        f"{app}.{name} {why}"
        for (app, name), migration in MigrationLoader(None).disk_migrations.items()
        if app in OURS and int(name[:4]) > BEFORE_THE_RULE[app]
        for operation in migration.operations
        for why in complaints(operation)
    ]
    assert found == []


def test_what_breaks_the_rule_is_found() -> None:
    name = models.TextField(default="")
    assert list(complaints(migrations.AddField("collection", "name", name))) != []
    assert list(complaints(migrations.RemoveField("collection", "name"))) != []
    for added in (
        models.TextField(null=True),
        models.TextField(db_default=""),
        models.ManyToManyField("self"),
    ):
        assert list(complaints(migrations.AddField("collection", "name", added))) == []


def test_every_migration_is_all_or_nothing() -> None:
    """So that one that fails leaves nothing behind. One that cannot be must say how it goes on where it broke off."""
    found = MigrationLoader(None).disk_migrations
    assert len(found) > 60
    assert [str(migration) for migration in found.values() if not migration.atomic] == []

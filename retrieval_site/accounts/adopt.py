"""A database from before the site's own user model keeps its table of users, whose first migration counts as done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.migrations.recorder import MigrationRecorder

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "auth_user"
BEFORE = ("auth", "0001_initial")
OURS = ("accounts", "0001_initial")


def users_adopt(connection: BaseDatabaseWrapper) -> bool:
    """Record that the table of users is there, where Django's own migrations made it; return whether that was new.

    Later migrations depend on ours, so Django refuses such a history before any migration could run.
    """
    recorder = MigrationRecorder(connection)
    applied = recorder.applied_migrations()
    if BEFORE not in applied or OURS in applied or TABLE not in connection.introspection.table_names():
        return False
    recorder.record_applied(*OURS)
    return True

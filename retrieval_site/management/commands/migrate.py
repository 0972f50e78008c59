from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connections

from retrieval_site.accounts.adopt import users_adopt
from retrieval_site.errors import AppError

if TYPE_CHECKING:
    from django.db.migrations import Migration


class Command(migrate.Command):
    help = "Django's own, after the users of a database from before our user model are taken over."
    _under_way: Migration | None = None

    def handle(self, *args: Any, **options: Any) -> None:
        if users_adopt(connections[options["database"]]):
            self.stdout.write("The users that are here already are kept.")
        try:
            super().handle(*args, **options)
        except Exception as error:
            if self._under_way is None:
                raise
            raise CommandError(str(_failed(self._under_way, error))) from error

    def migration_progress_callback(self, action: str, migration: Any = None, fake: bool = False) -> None:  # noqa: FBT001, FBT002  (Django's)
        """Note which migration is being applied, beside what Django writes."""
        super().migration_progress_callback(action, migration, fake)
        if action in ("apply_start", "apply_success"):
            self._under_way = migration if action == "apply_start" else None


def _failed(migration: Migration, error: Exception) -> AppError:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return AppError("database.migration_failed", migration=str(migration), reason=reason)

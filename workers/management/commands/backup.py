from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from retrieval_site.errors import AppError
from retrieval_site.supervisor.errors import SupervisorError
from workers.management import backup
from workers.management.actions import ActionsCommand


class Command(ActionsCommand):
    help = "Back the site up while it runs, look after backups, and rehearse a restore. See docs/backup.md."
    requires_system_checks: list[str] = []
    actions = backup

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            super().handle(*args, **options)
        except (AppError, SupervisorError) as error:
            raise CommandError(str(error)) from error

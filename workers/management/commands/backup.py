from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from retrieval_site.errors import AppError
from retrieval_site.supervisor.errors import SupervisorError
from workers.management import backup

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

ACTIONS = sorted(found.name for found in iter_modules(backup.__path__) if not found.name.startswith("_"))
"""Each a file of `workers/management/backup`."""


class Command(BaseCommand):
    help = "Back the site up while it runs, look after backups, and rehearse a restore. See docs/operator.md."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        for name in ACTIONS:
            action = _action(name)
            action.add_arguments(actions.add_parser(name, help=action.HELP, description=action.HELP))

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            _action(options["action"]).handle(self, options)
        except (AppError, SupervisorError) as error:
            raise CommandError(str(error)) from error


def _action(name: str) -> Any:
    return import_module(f"{backup.__name__}.{name}")

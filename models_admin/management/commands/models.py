from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from models_admin.management import models
from workers.jobs.command import JobCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

ACTIONS = sorted(found.name for found in iter_modules(models.__path__) if not found.name.startswith("_"))
"""Each a file of `models_admin/management/models`."""


class Command(JobCommand):
    help = "Get a model to begin with. See docs/models.md."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        for name in ACTIONS:
            action = _action(name)
            action.add_arguments(actions.add_parser(name, help=action.HELP, description=action.HELP))

    def handle(self, *args: Any, **options: Any) -> None:
        _action(options["action"]).handle(self, options)


def _action(name: str) -> Any:
    return import_module(f"{models.__name__}.{name}")

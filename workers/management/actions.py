"""Commands of several actions, each a file of one package."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

if TYPE_CHECKING:
    from types import ModuleType

    from django.core.management.base import CommandParser


class ActionsCommand(BaseCommand):
    """Each module of the package `actions` is one, with `HELP`, `add_arguments(parser)`, `handle(command, options)`."""

    actions: ModuleType

    def add_arguments(self, parser: CommandParser) -> None:
        """Add a parser for each action."""
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        for name in sorted(found.name for found in iter_modules(self.actions.__path__)):
            if not name.startswith("_"):
                action = self._action(name)
                action.add_arguments(actions.add_parser(name, help=action.HELP, description=action.HELP))

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what the action does."""
        self._action(options["action"]).handle(self, options)

    def _action(self, name: str) -> Any:
        return import_module(f"{self.actions.__name__}.{name}")

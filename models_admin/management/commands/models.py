from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from models_admin import model_commands
from workers.jobs.command import JobCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(JobCommand):
    help = "Published models: list the catalogue, get one of it, … See docs/models.md."

    def add_arguments(self, parser: CommandParser) -> None:
        # A subcommand is a module of `models_admin.model_commands`: HELP, add_arguments(parser), run(command, options).
        parsers = parser.add_subparsers(dest="subcommand", required=True)
        for found in sorted(iter_modules(model_commands.__path__), key=lambda one: one.name):
            module = import_module(f"{model_commands.__name__}.{found.name}")
            own = parsers.add_parser(found.name, help=module.HELP)
            module.add_arguments(own)
            own.set_defaults(run=module.run)

    def handle(self, *args: Any, **options: Any) -> None:
        options["run"](self, options)

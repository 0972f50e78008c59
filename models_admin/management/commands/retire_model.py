from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models_admin.services import version_find, version_retire
from workers.jobs.command import JobCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(JobCommand):
    help = "Drop the vectors of a model version that nothing points at; its bundle is kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model", help="name@number")
        parser.add_argument("--force", action="store_true", help="also give up rolling back to it")

    def handle(self, *args: Any, **options: Any) -> None:
        version = version_retire(version=version_find(options["model"]), force=options["force"])
        self.stdout.write(self.style.SUCCESS(f"{version} is retired."))

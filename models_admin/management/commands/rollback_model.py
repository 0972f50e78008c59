from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models_admin.services import version_rollback
from workers.jobs.command import JobCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(JobCommand):
    help = "Let the model version before the champion answer searches again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reason", default="", help="kept in the activation log")

    def handle(self, *args: Any, **options: Any) -> None:
        activation = version_rollback(reason=options["reason"])
        self.stdout.write(self.style.SUCCESS(f"{activation.version} answers searches again."))

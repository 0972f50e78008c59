from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models_admin.services import version_activate, version_find
from workers.jobs.command import JobCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(JobCommand):
    help = "Let a prepared model version answer searches; the one before it stays ready for `rollback_model`."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model", help="name@number")
        parser.add_argument("--force", action="store_true", help="even where judgements say that it is worse")
        parser.add_argument("--reason", default="", help="kept in the activation log")

    def handle(self, *args: Any, **options: Any) -> None:
        version = version_find(options["model"])
        version_activate(version=version, reason=options["reason"], force=options["force"])
        self.stdout.write(self.style.SUCCESS(f"{version} answers searches now."))

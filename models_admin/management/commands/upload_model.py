from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.files.base import File
from django.core.management.base import CommandError

from models_admin.services import version_upload
from workers.jobs.command import JobCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(JobCommand):
    help = "Upload a model bundle and validate it. Prints the version's name for `prepare_model`."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("bundle", type=Path)
        parser.add_argument("--note", default="", help="why it is here")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["bundle"]
        if not path.is_file():
            raise CommandError(f"There is no file {path}.")
        with path.open("rb") as file:
            version, job = version_upload(bundle=File(file, name=str(path.resolve())), note=options["note"])
        self.complete(job)
        self.stdout.write(self.style.SUCCESS(version.key))

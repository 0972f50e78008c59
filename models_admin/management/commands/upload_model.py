from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.files.base import File
from django.core.management.base import CommandError

from models_admin.mlflow_store import fetched, store_argument
from models_admin.services import version_upload
from workers.jobs.command import JobCommand
from workers.training.tracking.registry import is_registry_address

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(JobCommand):
    help = "Upload a model bundle and validate it. Prints the version's name for `prepare_model`."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("bundle", help="a file, or models:/name@alias of MLflow's registry")
        parser.add_argument("--note", default="", help="why it is here")
        store_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if not is_registry_address(options["bundle"]):
            self._upload(Path(options["bundle"]), options["note"])
            return
        with fetched(options["bundle"], options["mlflow"]) as bundle:
            self._upload(bundle, options["note"] or options["bundle"])

    def _upload(self, path: Path, note: str) -> None:
        if not path.is_file():
            raise CommandError(f"There is no file {path}.")
        with path.open("rb") as file:
            version, job = version_upload(bundle=File(file, name=str(path.resolve())), note=note)
        self.complete(job)
        self.stdout.write(self.style.SUCCESS(version.key))

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.files.base import File
from django.core.management.base import CommandError

from models_admin.mlflow_store import fetched, store_argument, tags_of_store
from models_admin.services import version_upload
from models_admin.tags import version_add_tags
from workers.jobs.command import JobCommand
from workers.training.tracking.registry import is_registry_address

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        with fetched(options["bundle"], options["mlflow"]) as found:
            self._upload(found.path, options["note"] or options["bundle"], tags_of_store(found.tags))

    def _upload(self, path: Path, note: str, tags: Sequence[str] = ()) -> None:
        if not path.is_file():
            raise CommandError(f"There is no file {path}.")
        with path.open("rb") as file:
            version, job = version_upload(bundle=File(file, name=str(path.resolve())), note=note)
        if left_out := version_add_tags(version=version, tags=tags):
            self.stderr.write(f"Tags that a version cannot have here are left out: {', '.join(left_out)}")
        self.complete(job)
        self.stdout.write(self.style.SUCCESS(version.key))

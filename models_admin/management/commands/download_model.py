from __future__ import annotations

import shutil
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from django.core.management.base import CommandError

from models_admin.files import bundle_name
from models_admin.mlflow_store import fetched, store_argument
from models_admin.services import version_find
from retrieval_site.audit import export_note
from workers.jobs.command import JobCommand
from workers.storage.blobs import blob_open
from workers.storage.folder import CHUNK_BYTES
from workers.training.tracking.registry import is_registry_address

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(JobCommand):
    help = "Write a model version's bundle as it was uploaded, to train it further or take it elsewhere."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model", help="name@number, champion, or models:/name@alias of MLflow's registry")
        parser.add_argument("--out", type=Path, help="a new file (default: NAME-NUMBER.bundle.zip here)")
        store_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if is_registry_address(options["model"]):
            with fetched(options["model"], options["mlflow"]) as found, found.path.open("rb") as source:
                self._write(options["model"], source, options["out"] or Path(found.path.name))
            return
        version = version_find(options["model"])
        with blob_open(version.bundle) as source:
            self._write(str(version), source, options["out"] or Path(bundle_name(version)))
        export_note(bundle_name(version), version, count=1)

    def _write(self, model: str, source: IO[bytes], out: Path) -> None:
        partial = out.with_name(f".{out.name}.partial")
        if out.exists():
            raise CommandError(f"{out} is there already: name a new file.")
        try:
            with partial.open("wb") as target:
                shutil.copyfileobj(source, target, CHUNK_BYTES)
            partial.rename(out)
        except OSError as error:
            raise CommandError(f"{out} cannot be written: {error.strerror}.") from error
        finally:
            partial.unlink(missing_ok=True)
        self.stdout.write(f"{model}: {out}")

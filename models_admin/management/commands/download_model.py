from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from models_admin.files import bundle_name
from models_admin.services import version_find
from workers.jobs.command import JobCommand
from workers.storage.blobs import CHUNK_BYTES, blob_open

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(JobCommand):
    help = "Write a model version's bundle as it was uploaded, to train it further or take it elsewhere."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model", help="name@number, or champion")
        parser.add_argument("--out", type=Path, help="a new file (default: NAME-NUMBER.bundle.zip here)")

    def handle(self, *args: Any, **options: Any) -> None:
        version = version_find(options["model"])
        out: Path = options["out"] or Path(bundle_name(version))
        partial = out.with_name(f".{out.name}.partial")
        if out.exists():
            raise CommandError(f"{out} is there already: name a new file.")
        try:
            with blob_open(version.bundle) as source, partial.open("wb") as target:
                shutil.copyfileobj(source, target, CHUNK_BYTES)
            partial.rename(out)
        except OSError as error:
            raise CommandError(f"{out} cannot be written: {error.strerror}.") from error
        finally:
            partial.unlink(missing_ok=True)
        self.stdout.write(f"{version}: {out}")

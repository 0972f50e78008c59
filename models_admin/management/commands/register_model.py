from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from models_admin.files import bundle_name
from models_admin.mlflow_store import store_argument, store_uri, tags_for_store
from models_admin.services import version_find
from workers.storage.blobs import blob_open
from workers.storage.folder import CHUNK_BYTES
from workers.training.errors import TrainingError
from workers.training.tracking.registry import bundle_register

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = "Register a model version's bundle in MLflow's model registry. Prints its address there."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model", help="name@number, or champion")
        parser.add_argument("--name", help="of the registered model (default: the version's own)")
        parser.add_argument("--alias", default="", help="the alias that points at it from now on")
        store_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        uri, version = store_uri(options["mlflow"]), version_find(options["model"])
        name = options["name"] or version.name
        tags = tags_for_store(version)
        with tempfile.TemporaryDirectory(prefix="sightline-") as room:
            bundle = Path(room) / bundle_name(version)
            with blob_open(version.bundle) as source, bundle.open("wb") as target:
                shutil.copyfileobj(source, target, CHUNK_BYTES)
            try:
                made = bundle_register(bundle, uri, name, alias=options["alias"], tags=tags)
            except TrainingError as error:
                raise CommandError(str(error)) from error
        where = f"@{options['alias']}" if options["alias"] else f"/{made.version}"
        known = "" if made.is_new else ", which had it already"
        self.stdout.write(self.style.SUCCESS(f"models:/{name}{where} is version {made.version}{known}"))

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from workers.inference.errors import InferenceError

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = "Make a bundle of a published CLIP model. Touches no database. See docs/bundle.md."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "source",
            help="folder of the model, or its name on the Hugging Face hub where that can be reached",
        )
        parser.add_argument("--bundle", type=Path, required=True, help="write the bundle here")
        parser.add_argument("--name", help="the bundle's name (default: the source's last part)")
        parser.add_argument("--licence", default="unknown", help="under which the weights may be used")
        parser.add_argument("--description", default="", help="the bundle's description")
        parser.add_argument("--half", action="store_true", help="store the weights in float16: half the size")
        parser.add_argument(
            "--pages",
            action="store_true",
            help="the model knows pages of documents: see docs/bundle.md#pages",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        # Imported here: a command's module is read by `manage.py help` too, where torch has no place.
        from workers.training.clip import clip_bundle
        from workers.training.errors import TrainingError
        from workers.training.export import ExportOptions

        name = options["name"] or Path(options["source"]).name.lower()
        export = ExportOptions(
            name, options["licence"], options["description"], options["half"], pages=options["pages"]
        )
        try:
            manifest = clip_bundle(options["source"], options["bundle"], export)
        except (TrainingError, InferenceError) as error:
            raise CommandError(str(error)) from None
        megabytes = options["bundle"].stat().st_size / 1e6
        self.stdout.write(
            f"{options['bundle']}: {manifest.name}, {manifest.dim} dimensions, {megabytes:.1f} MB"
        )

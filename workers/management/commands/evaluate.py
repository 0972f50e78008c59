from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from workers.inference.errors import InferenceError

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = "Measure how well a bundle's pictures find their captions and the reverse. Touches no database."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("bundle", type=Path, help="bundle file, or the folder of an extracted one")
        parser.add_argument("--images", type=Path, required=True, help="folder of the pictures")
        parser.add_argument("--captions", type=Path, required=True, help="lines of name.jpg#k<TAB>caption")
        parser.add_argument("--split", type=Path, required=True, help="the pictures to use, one name a line")
        parser.add_argument(
            "--groups", type=Path, help="lines of name.jpg<TAB>label: equal labels belong together"
        )
        parser.add_argument("--json", type=Path, help="write the report here as well")
        parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))

    def handle(self, *args: Any, **options: Any) -> None:
        # Imported here: a command's module is read by `manage.py help` too, where numpy has no place.
        from workers.training.errors import TrainingError
        from workers.training.evaluate import evaluate_bundle, report_lines
        from workers.training.layout import read_captions, read_split

        try:
            captions = read_captions(options["captions"])
            split = read_split(options["images"], captions, options["split"], options["groups"])
            report = evaluate_bundle(options["bundle"], split, self._progress, options["device"])
        except (TrainingError, InferenceError) as error:
            raise CommandError(str(error)) from None
        self.stdout.write("\n".join(report_lines(report)))
        if options["json"]:
            options["json"].write_text(json.dumps(report, indent=1) + "\n")

    def _progress(self, stage: str, done: int, total: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{stage} {done}/{total} ", ending="\n" if done == total else "")

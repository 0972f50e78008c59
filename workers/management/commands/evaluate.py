from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from workers.inference.errors import InferenceError

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

    from workers.training.evaluate import Evaluated
    from workers.training.layout import Captioned
    from workers.training.readers.read import DataSet


class Command(BaseCommand):
    help = "Measure how well a bundle's pictures find their captions and the reverse. Touches no database."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("bundle", type=Path, help="bundle file, or the folder of an extracted one")
        parser.add_argument("--data", help="a data set's folder or file of captions, in a published layout")
        parser.add_argument(
            "--layout", default="", help="flickr, coco, karpathy or csv, where it is not clear"
        )
        parser.add_argument("--images", type=Path, help="folder of the pictures")
        parser.add_argument("--captions", type=Path, help="lines of name.jpg#k<TAB>caption")
        parser.add_argument(
            "--split", required=True, help="with --data: train, val or test; else a file of names, one a line"
        )
        parser.add_argument(
            "--groups", type=Path, help="lines of name.jpg<TAB>label: equal labels belong together"
        )
        parser.add_argument("--json", type=Path, help="write the report here as well")
        parser.add_argument("--against", type=Path, help="another bundle: which one is better, by bootstrap")
        parser.add_argument("--folds", action="store_true", help="also the mean over folds of 1,000 pictures")
        parser.add_argument("--page", type=Path, metavar="DIR", help="write a page of the worst queries here")
        parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))

    def handle(self, *args: Any, **options: Any) -> None:
        # Imported here: a command's module is read by `manage.py help` too, where numpy has no place.
        from workers.training.errors import TrainingError
        from workers.training.evaluate import evaluated, report_lines

        try:
            split = self._split(options)
            result = evaluated(options["bundle"], split, self._progress, options["device"])
            report = result.report()
            self.stdout.write("\n".join(report_lines(report)))
            report |= self._more(result, split, options)
        except (TrainingError, InferenceError) as error:
            raise CommandError(str(error)) from None
        if options["json"]:
            options["json"].write_text(json.dumps(report, indent=1) + "\n")

    def _split(self, options: dict[str, Any]) -> Captioned:
        data, name = self._data(options)
        split = data.split(name)
        if not split:
            raise CommandError(f"No picture of {data.name} is in the split {options['split']!r}.")
        return split

    def _data(self, options: dict[str, Any]) -> tuple[DataSet, str]:
        """The data set, and which of its splits is measured."""
        from workers.training.readers.read import DataSource, listed_set, read_source

        if options["data"]:
            source = DataSource(options["data"], options["layout"], str(options["images"] or ""))
            return read_source(source), options["split"]
        if missing := [f"--{name}" for name in ("images", "captions") if not options[name]]:
            raise CommandError(f"Name the data by --data, or give {' and '.join(missing)}.")
        lists = {"val": Path(options["split"])}
        return listed_set(options["images"], options["captions"], lists, options["groups"]), "val"

    def _more(self, result: Evaluated, split: Captioned, options: dict[str, Any]) -> dict[str, Any]:
        """What was asked for besides, for people and as plain data."""
        more: dict[str, Any] = {}
        if options["folds"]:
            more["folds_1k"] = self._folds(result, split)
        if options["against"]:
            more["against"] = self._against(result, split, options)
        if options["page"]:
            from workers.training.errors_page.write import write_page

            self.stdout.write(f"page: {write_page(result, split, options['page'])}")
        return more

    def _folds(self, result: Evaluated, split: Captioned) -> dict[str, Any]:
        from workers.training.evaluate import report_lines
        from workers.training.measures.folds import folded_quality

        labels = (list(split.groups), split.text_groups())
        folded = folded_quality(result.images, result.captions, labels, result.score).to_json()
        lines = report_lines({**result.report(), **folded})
        self.stdout.write("\n".join(["mean over folds of 1,000 pictures", *lines[1:]]))
        return folded

    def _against(self, result: Evaluated, split: Captioned, options: dict[str, Any]) -> dict[str, Any]:
        from workers.training.evaluate import evaluated, report_lines
        from workers.training.measures.bootstrap import paired_bootstrap
        from workers.training.tracking.compare import comparison_lines

        other = evaluated(options["against"], split, self._progress, options["device"])
        comparison = paired_bootstrap(result.ranks, other.ranks)
        lines = report_lines(other.report())
        lines += comparison_lines(f"{result.model} against {other.model}", comparison)
        self.stdout.write("\n".join(lines))
        return {"model": other.model, "report": other.report(), **comparison.to_json()}

    def _progress(self, stage: str, done: int, total: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{stage} {done}/{total} ", ending="\n" if done == total else "")

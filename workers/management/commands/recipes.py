from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from workers.inference.errors import InferenceError
from workers.management.data_files import add_data_files, data_paths

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

    from workers.training.report.plan import ReportRow, Setting

HELP = """List the recipes, or train those of the papers with a budget and write a table beside the papers' numbers.
“recipes report --runs DIR …” trains only what is missing in DIR. Touches no database. See docs/training.md."""


class Command(BaseCommand):
    help = HELP
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", nargs="?", default="list", choices=("list", "report"))
        add_data_files(parser)
        parser.add_argument("--runs", type=Path, help="folder of the runs, their bundles and the report")
        parser.add_argument("--set", action="append", default=[], metavar="[ROWS:]KEY=VALUE",
                            help="the budget: a setting for all rows that have it, or for the rows named by "
                                 "patterns, such as fc7-*,fne-*:pixels.crop=ten")  # fmt: skip
        parser.add_argument("--only", action="append", default=[], metavar="PATTERN", help="rows by name")
        parser.add_argument("--seeds", type=int, default=5, help="initialisations of order-max (default 5)")
        parser.add_argument("--repeat", action="append", default=[], metavar="PATTERN",
                            help="further rows to train from as many initialisations")  # fmt: skip
        parser.add_argument(
            "--at-once", type=int, default=1, help="rows trained at the same time (default 1)"
        )
        parser.add_argument("--threads", type=int, default=1, help="of each training process (default 1)")
        parser.add_argument("--no-training", action="store_true", help="report what there is")
        parser.add_argument(
            "--no-bundles",
            action="store_true",
            help="leave the bundles, and what they cost, to a later report",
        )
        parser.add_argument("--cache", type=Path, help="decoded pictures and features (default: RUNS/cache)")
        parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
        parser.add_argument("--budget", default="", help="the budget in words, for the report's head")

    def handle(self, *args: Any, **options: Any) -> None:
        from workers.neural.errors import ModelConfigError
        from workers.training.errors import TrainingError

        try:
            if options["what"] == "list":
                self._list()
            else:
                self._report(options)
        except (TrainingError, ModelConfigError, InferenceError) as error:
            raise CommandError(str(error)) from None

    def _list(self) -> None:
        from workers.training.recipes.catalogue import recipe_named, recipe_names
        from workers.training.recipes.listing import COLUMNS, recipe_row
        from workers.training.tracking.runs import table_lines

        rows = [recipe_row(name, recipe_named(name)) for name in recipe_names()]
        self.stdout.write("\n".join(table_lines(COLUMNS, rows)))

    def _report(self, options: dict[str, Any]) -> None:
        os.environ["OMP_NUM_THREADS"] = str(options["threads"])  # numpy reads it when it is imported
        from workers.training.report.children import InChild
        from workers.training.report.plan import Seeds, Setting, planned
        from workers.training.report.training import train_missing
        from workers.training.report.write import ReportScope, write_report

        if not options["runs"]:
            raise CommandError("A report needs --runs, the folder of its runs.")
        folder: Path = options["runs"]
        data = data_paths(options)
        settings = [Setting.read(text) for text in options["set"]]
        seeds = Seeds(options["seeds"], tuple(options["repeat"]))
        rows = planned(folder, settings, options["only"], seeds, bundles=not options["no_bundles"])
        _, split = data.splits()
        folder.mkdir(parents=True, exist_ok=True)
        train = InChild(data, options["cache"] or folder / "cache", options["device"], options["threads"])
        failures = {}
        if not options["no_training"]:
            failures = train_missing(rows, train, options["at_once"], self.stdout.write)
        about = self._about(options["budget"], settings, rows, len(split))
        self.stdout.write(write_report(rows, failures, ReportScope(folder, split, options["seeds"], about)))

    def _about(self, budget: str, settings: list[Setting], rows: list[ReportRow], pictures: int) -> list[str]:
        common = [setting for setting in settings if not setting.patterns]
        some = [setting for setting in settings if setting.patterns]
        lines = [
            f"{len(rows)} rows; measured on {pictures} validation pictures; percent, ties count against the model."
        ]
        common_settings = _listed(common) or "each recipe as it stands."
        lines.append(f"Budget of every row: {f'{budget} {common_settings}'.strip()}")
        return [*lines, f"For some rows: {_listed(some)}"] if some else lines


def _listed(settings: list[Setting]) -> str:
    """Files by their names: a report is read on other machines too."""
    parts = (setting.text.partition("=") for setting in settings)
    return ", ".join(
        f"`{key}={Path(value).name if Path(value).is_file() else value}`" for key, _, value in parts
    )

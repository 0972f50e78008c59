from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

HELP = """List training runs, compare them, draw their curves, or log them to MLflow. Touches no database.
“runs FOLDER” lists what is below a folder; “runs compare A B …” shows where runs differ and whether one is better."""


class Command(BaseCommand):
    help = HELP
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "what", nargs="*", default=["runs"], metavar="FOLDER | compare RUN RUN…", help="(default: runs)"
        )
        parser.add_argument("--plot", type=Path, help="draw recall over epochs into this picture file")
        parser.add_argument("--mlflow", metavar="URI", help="log the runs to this MLflow tracking store")
        parser.add_argument("--experiment", default="sightline", help="MLflow's experiment")

    def handle(self, *args: Any, **options: Any) -> None:
        from workers.training.errors import TrainingError
        from workers.training.tracking.compare import compare_lines
        from workers.training.tracking.plots import plot_runs
        from workers.training.tracking.runs import COLUMNS, read_run, read_runs, run_row, table_lines

        compare, *names = options["what"]
        try:
            if compare == "compare":
                if len(names) < 2:
                    raise CommandError("Name at least two runs to compare.")
                runs = [read_run(Path(name)) for name in names]
                lines = compare_lines(runs)
            else:
                runs = [run for folder in options["what"] for run in read_runs(Path(folder))]
                lines = table_lines(COLUMNS, [run_row(run) for run in runs]) if runs else ["There is no run."]
            self.stdout.write("\n".join(lines))
            if options["plot"]:
                plot_runs(runs, options["plot"])
            self._log(runs, options)
        except TrainingError as error:
            raise CommandError(str(error)) from None

    def _log(self, runs: list[Any], options: dict[str, Any]) -> None:
        if not options["mlflow"]:
            return
        from workers.training.tracking.mlflow import log_run

        for run in runs:
            logged = log_run(run, options["mlflow"], options["experiment"])
            self.stdout.write(f"{run.name}: logged to MLflow as {logged}")

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from workers.inference.errors import InferenceError
from workers.management.data_files import add_data_files, data_paths

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

    from workers.training.recipe import Recipe
    from workers.training.train import TrainOptions


class Command(BaseCommand):
    help = "Train a recipe on pictures with captions and export a bundle. Touches no database. See docs/training.md."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--recipe", help="a recipe's name, or a .toml file of settings")
        parser.add_argument(
            "--check", action="store_true", help="only report what is missing or broken in the data"
        )
        add_data_files(parser)
        parser.add_argument("--out", type=Path, help="the run's folder")
        parser.add_argument(
            "--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting"
        )
        parser.add_argument(
            "--resume", action="store_true", help="go on with the run in --out, as it was begun"
        )
        parser.add_argument(
            "--cache", type=Path, help="decoded pictures and features (default: cache/ beside --out)"
        )
        parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
        parser.add_argument(
            "--devices", "--processes", type=int, default=1,
            help="how many GPUs of this machine, or processes on its CPU, share the work (default 1)",
        )  # fmt: skip
        parser.add_argument(
            "--nodes",
            type=int,
            default=1,
            help="machines that share the work (default 1); see docs/training.md",
        )
        parser.add_argument("--bundle", type=Path, help="write the best epoch's model here")
        parser.add_argument("--name", help="the bundle's name (default: the run folder's)")
        parser.add_argument("--licence", default="unknown", help="the bundle's licence")
        parser.add_argument("--description", default="", help="the bundle's description")
        parser.add_argument("--half", action="store_true", help="store the bundle's weights in float16")
        parser.add_argument(
            "--torchscript", action="store_true", help="add both encoders as TorchScript to the bundle"
        )
        parser.add_argument(
            "--pages", action="store_true", help="the pictures to learn are pages of documents"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        from workers.neural.errors import ModelConfigError, WeightsError
        from workers.training.errors import TrainingError

        try:
            if options["check"]:
                self._check(options)
            else:
                self._train(options)
        except (TrainingError, ModelConfigError, WeightsError, InferenceError) as error:
            raise CommandError(str(error)) from None

    def _train(self, options: dict[str, Any]) -> None:
        from workers.training.run_folder import RunFolder
        from workers.training.scripts import check_scriptable
        from workers.training.train import train

        if not options["out"]:
            raise CommandError("A run needs --out, its folder.")
        wanted = self._options(options)
        if options["torchscript"]:
            check_scriptable(wanted.recipe.image)
        quality = train(wanted)
        if quality is None:
            return
        state = RunFolder(options["out"]).state
        if state.state == "not started":
            raise CommandError(state.reason)
        self.stdout.write(f"best epoch on validation: sum of recalls {quality.sum_of_recalls:.1f}")

    def _options(self, options: dict[str, Any]) -> TrainOptions:
        from workers.training.export import ExportOptions
        from workers.training.run_folder import RunFolder
        from workers.training.train import TrainOptions

        resume = options["resume"]
        if resume and (options["set"] or options["recipe"]):
            raise CommandError(
                "A run goes on as it was begun: leave out --recipe and --set, or begin another."
            )
        recipe, data = RunFolder(options["out"]).recipe_and_data() if resume else self._begun(options)
        return TrainOptions(
            recipe=recipe,
            data=data,
            out=options["out"],
            cache=options["cache"] or options["out"].parent / "cache",
            bundle=options["bundle"],
            export=ExportOptions(
                options["name"] or options["out"].name,
                options["licence"],
                options["description"],
                options["half"],
                options["torchscript"],
                options["pages"],
            ),
            resume=resume,
            device=options["device"],
            devices=options["devices"],
            nodes=options["nodes"],
            say=self.stdout.write,
            progress=self._progress,
            bar=sys.stderr.isatty(),
        )

    def _begun(self, options: dict[str, Any]) -> tuple[Any, Any]:
        if not options["recipe"]:
            raise CommandError("A new run needs --recipe.")
        return self._recipe(options), data_paths(options)

    def _recipe(self, options: dict[str, Any]) -> Recipe:
        from workers.training.recipe import recipe_with
        from workers.training.recipes.catalogue import recipe_named
        from workers.training.settings import read_settings

        return recipe_with(recipe_named(options["recipe"]), read_settings(options["set"]))

    def _check(self, options: dict[str, Any]) -> None:
        """Print the report; raises CommandError, and so ends with status 1, where something is broken."""
        from workers.training.readers.check import check_data
        from workers.training.recipe import DataConfig

        config = self._recipe(options).data if options["recipe"] else DataConfig()
        checked = check_data(data_paths(options).data_sets(), config.min_count, self._progress)
        self.stdout.write("\n".join(checked.summary))
        for fault in checked.faults:
            self.stdout.write("\n".join(fault.lines()))
        if checked.faults:
            raise CommandError("The data are not ready to be trained on.")
        self.stdout.write("Nothing is missing or broken.")

    def _progress(self, stage: str, done: int, total: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{stage} {done}/{total} ", ending="\n" if done == total else "")

"""Which rows a report has, and with which settings each is trained: the recipe's own and the common budget's."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from workers.neural.configs import config_to
from workers.neural.errors import ModelConfigError
from workers.training.errors import TrainingError
from workers.training.recipe import Recipe, recipe_with
from workers.training.recipes import fne, two_branch
from workers.training.recipes.catalogue import recipe_named
from workers.training.settings import read_settings

ORDER_MAX = ("moe", "moe-bl", *fne.UNSTABLE)
ROWS = (
    "vsepp",
    *(f"{image}-{column}" for column in fne.COLUMNS for image in fne.IMAGES),
    *two_branch.family(),
    "global-1024",
    *(f"light-gcn-{dim}" for dim in (512, 1024, 2048)),
    "vsrn",
)
STABILITY = tuple(f"{image}-{column}" for image in fne.IMAGES for column in (*ORDER_MAX, "poe"))
"""Order-max at each of its settings, and the curriculum: each from several initialisations."""


@dataclass(frozen=True, slots=True)
class Seeds:
    """How many initialisations the rows of STABILITY, and those that match a pattern of `also`, are trained from."""

    count: int
    also: tuple[str, ...] = ()

    def pairs(self) -> dict[tuple[str, int], None]:
        """Every row's recipe and seed, in the report's order."""
        repeated = [*STABILITY, *(name for name in ROWS if _matches(name, self.also))]
        return dict.fromkeys(
            [(name, 0) for name in ROWS] + [(name, seed) for name in repeated for seed in range(self.count)]
        )


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One training of a report: `recipe` has `settings` applied; `left_out` are those that it does not have.

    `bundled`: whether a bundle of it is wanted.
    """

    recipe: Recipe
    folder: Path
    settings: tuple[tuple[str, Any], ...] = ()
    left_out: tuple[str, ...] = ()
    bundled: bool = True

    @property
    def name(self) -> str:
        """The recipe's name, with its seed where that is not 0."""
        return row_name(self.recipe.name, self.recipe.run.seed)

    @property
    def run(self) -> Path:
        """The run's folder."""
        return self.folder / self.name

    @property
    def bundle(self) -> Path:
        """The bundle of its best epoch."""
        return self.folder / f"{self.name}.bundle.zip"

    def shared_features(self) -> str:
        """Equal for rows whose pictures' features are computed once for all of them."""
        plain = config_to(self.recipe)
        image = [plain["image"].get(key) for key in ("kind", "architecture", "source", "nodes")]
        return json.dumps([image, plain["pixels"], plain["start"]])


def row_name(recipe: str, seed: int) -> str:
    """The name of a row and of its run's folder."""
    return f"{recipe}-seed{seed}" if seed else recipe


@dataclass(frozen=True, slots=True)
class Setting:
    """`text`: as it was given; `patterns`: of the rows that it is for, none for all of them."""

    text: str
    patterns: tuple[str, ...]
    key: str
    value: Any

    @classmethod
    def read(cls, text: str) -> "Setting":
        """From `key=value` or `PATTERN,PATTERN:key=value`. Raises TrainingError for what is neither."""
        head, equals, value = text.partition("=")
        patterns, _, key = head.rpartition(":")
        [(key, parsed)] = read_settings([f"{key}{equals}{value}"])
        return cls(text, tuple(filter(None, patterns.split(","))), key, parsed)

    def fits(self, recipe: str, seed: int) -> bool:
        """Whether a row is among those that it is for, by its own name or its recipe's."""
        names = (recipe, row_name(recipe, seed))
        return not self.patterns or any(_matches(name, self.patterns) for name in names)


def planned(
    folder: Path, settings: Sequence[Setting], only: Sequence[str], seeds: Seeds, *, bundles: bool = True
) -> list[ReportRow]:
    """The rows whose names match one of the patterns `only` (all where there is none), in the report's order.

    Each has the settings that are for it and that its recipe has. Raises TrainingError for a setting of no row.
    """
    rows = [replace(_row(folder, pair, settings), bundled=bundles) for pair in seeds.pairs()]
    for setting in settings:
        if not any((setting.key, setting.value) in row.settings for row in rows):
            raise TrainingError(f"No recipe of this report takes the setting {setting.text!r}.")
    chosen = [row for row in rows if not only or _matches(row.name, only)]
    if not chosen:
        raise TrainingError(f"No row matches {', '.join(only)}; there are {', '.join(ROWS)}.")
    return chosen


def _row(folder: Path, pair: tuple[str, int], settings: Sequence[Setting]) -> ReportRow:
    name, seed = pair
    recipe, taken, left_out = recipe_named(name), [], []
    for setting in (s for s in settings if s.fits(name, seed)):
        if (changed := _changed(recipe, setting)) is None:
            left_out.append(setting.text)
        else:
            recipe = changed
            taken.append((setting.key, setting.value))
    seeded = recipe_with(recipe, [("run.seed", seed)])
    return ReportRow(seeded, folder, (*taken, ("run.seed", seed)), tuple(left_out))


def _changed(recipe: Recipe, setting: Setting) -> Recipe | None:
    """The recipe with a setting changed; None where it has no such setting."""
    try:
        return recipe_with(recipe, [(setting.key, setting.value)])
    except ModelConfigError as error:
        if " has no setting " in str(error) or "no table of settings" in str(error):
            return None
        raise


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)

"""Recipes by name. A new recipe is one new file and one line here; a TOML file of the same settings works as well."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workers.neural.configs import config_from
from workers.neural.former_names import present_names
from workers.training.errors import TrainingError
from workers.training.recipe import Recipe, recipe_with
from workers.training.recipes import (
    demo,
    finetune,
    fne,
    pretrained,
    regions,
    sightline,
    two_branch,
    vsepp,
    vsepp_features,
)

# Whole recipes.
RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        vsepp.RECIPE,
        vsepp_features.RECIPE,
        sightline.RECIPE,
        pretrained.RECIPE,
        demo.RECIPE,
        finetune.HEADS,
        finetune.BLOCKS,
        finetune.LORA,
    )
}
# Families: what each recipe changes of the defaults, read when it is asked for.
SETTINGS: dict[str, dict[str, Any]] = fne.family() | two_branch.family() | regions.family()


def recipe_names() -> list[str]:
    """All names, sorted."""
    return sorted({*RECIPES, *SETTINGS})


def recipe_named(name: str) -> Recipe:
    """The recipe of this name, or of the TOML file at this path. Raises TrainingError or ModelConfigError."""
    if name in RECIPES:
        return RECIPES[name]
    if name in SETTINGS:
        return recipe_with(Recipe(name=name), SETTINGS[name].items())
    if not name.endswith(".toml"):
        raise TrainingError(
            f"There is no recipe {name!r}; there are {', '.join(recipe_names())}, or a .toml file."
        )
    return config_from(Recipe, present_names(_read(name), FutureWarning), "recipe")


def _read(name: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(Path(name).read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TrainingError(f"The recipe {name} cannot be read: {error}.") from None

"""Recipes by name. A new recipe is one new file and one line here; a TOML file of the same settings works as well."""

import tomllib
from pathlib import Path

from workers.neural.configs import config_from
from workers.training.errors import TrainingError
from workers.training.recipe import Recipe
from workers.training.recipes import demo, vsepp, vsepp_features

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe for recipe in (vsepp.RECIPE, vsepp_features.RECIPE, demo.RECIPE)
}


def recipe_named(name: str) -> Recipe:
    """The recipe of this name, or of the TOML file at this path. Raises TrainingError or ModelConfigError."""
    if name in RECIPES:
        return RECIPES[name]
    if not name.endswith(".toml"):
        raise TrainingError(
            f"There is no recipe {name!r}; there are {', '.join(sorted(RECIPES))}, or a .toml file."
        )
    try:
        settings = tomllib.loads(Path(name).read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TrainingError(f"The recipe {name} cannot be read: {error}.") from None
    return config_from(Recipe, settings, "recipe")

"""`python -m bench.recipes [NAME…]`: what the model of each recipe costs at the recipe's own sizes.

Weights, the bundle's size with weights in float16, and the time of a picture and of a caption in batches, as serving
takes it. None of that depends on what a model has learned, so the weights are random and nothing is trained. Recipes
whose models are alike, which differ in how they are trained, are measured once.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from bench.bundle import WORDS, caption, vocabulary
from bench.photos import photo
from workers.neural.configs import config_to
from workers.training.export import ExportOptions, export_bundle
from workers.training.recipe import recipe_with
from workers.training.recipes.catalogue import recipe_named, recipe_names
from workers.training.report.costs import CAPTIONS, PICTURES, costs_of
from workers.training.report.plan import Setting
from workers.training.run_folder import RunFolder
from workers.training.start import build_model

if TYPE_CHECKING:
    from workers.training.recipe import Recipe
    from workers.training.report.costs import Costs

SHAPE = ("embedding_dim", "image", "text", "similarity", "mirror", "scales")
PIXELS = ("resize", "size", "crop")
PIECES = 30_518
"""Of MiniLM's tokenizer, beside the special ones: as many rows have its word vectors."""
COLUMNS = ("million weights", "MB", "ms/picture", "ms/caption")


def main() -> None:
    """Print one line for each shape of model, and its times as multiples of the first line's."""
    options = _options()
    alike: dict[str, list[Recipe]] = {}
    settings = [Setting.read(text) for text in options.set]
    for name in options.names:
        own = [(setting.key, setting.value) for setting in settings if setting.fits(name, 0)]
        recipe = recipe_with(recipe_named(name), [*own, ("start.weights", "none")])
        alike.setdefault(_shape(recipe), []).append(recipe)
    print(f"{'':32}" + "".join(f"{column:>18}" for column in COLUMNS), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        pictures, texts = _pictures(Path(folder)), _texts()
        first: Costs | None = None
        for recipes in alike.values():
            costs = _costs(recipes[0], pictures, texts)
            first = first or costs
            _print([recipe.name for recipe in recipes], costs, first)


def _shape(recipe: Recipe) -> str:
    settings = config_to(recipe)
    pixels = {key: settings["pixels"][key] for key in PIXELS}
    return json.dumps([{key: settings[key] for key in SHAPE}, pixels], sort_keys=True)


def _costs(recipe: Recipe, pictures: tuple[Path, ...], texts: list[str]) -> Costs:
    words = vocabulary(PIECES if recipe.reads_pieces else WORDS)
    torch.manual_seed(recipe.run.seed)
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(Path(folder))
        facts = {"recipe": config_to(recipe), "fingerprints": {}, "versions": {}}
        run.config.write_text(json.dumps(facts))
        run.metrics.write_text("{}")
        run.vocabulary.write_text("\n".join(words) + "\n")
        bundle = Path(folder) / "costs.bundle.zip"
        export_bundle(build_model(recipe, len(words)), run, bundle, ExportOptions(recipe.name, half=True))
        return costs_of(bundle, pictures, texts)


def _print(names: list[str], costs: Costs, first: Costs) -> None:
    times = [(costs.picture_ms, first.picture_ms), (costs.caption_ms, first.caption_ms)]
    cells = [f"{costs.parameters / 1e6:.1f}", f"{costs.bundle_bytes / 1e6:.0f}"]
    cells += [f"{value:.2f} ({value / base:.2f}×)" for value, base in times]
    print(f"{names[0]:32}" + "".join(f"{cell:>18}" for cell in cells), flush=True)
    if names[1:]:
        print(f"  and {', '.join(names[1:])}", flush=True)


def _pictures(folder: Path) -> tuple[Path, ...]:
    paths = tuple(folder / f"{number}.jpg" for number in range(PICTURES))
    for number, path in enumerate(paths):
        path.write_bytes(photo(number, 640, 480))
    return paths


def _texts() -> list[str]:
    rng = np.random.default_rng(0)
    return [caption(rng) for _ in range(CAPTIONS)]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="recipes (default: all)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="[PATTERN:]KEY=VALUE",
        help="a setting of all of them, or of those that match, as in `recipes report`",
    )
    options = parser.parse_args()
    options.names = options.names or ["sightline", *filter(_has_shape, recipe_names())]
    return options


def _has_shape(name: str) -> bool:
    """Whether a recipe that is not measured yet says what its model is; fine-tuning takes a version's."""
    return name != "sightline" and recipe_named(name).start.shape == "recipe"


if __name__ == "__main__":
    main()

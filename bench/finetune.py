"""`python -m bench.finetune`: what fine-tuning a version on a few hundred captioned pictures is worth.

Captioned drawings are taken by the camera of `bench.feedback`, which the demo's model was not trained for. A version's
heads are trained on most of them, and the rest are asked for before and after, with several seeds. `--data FOLDER`
takes a data set of one's own instead of the drawings, with its own split where it has one.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from bench.feedback import _other_camera
from workers.training.readers.read import DataSource
from workers.training.recipe import Recipe, recipe_with
from workers.training.recipes.catalogue import recipe_named
from workers.training.run_folder import DatasetPaths, RunFolder
from workers.training.settings import read_settings
from workers.training.train import TrainOptions, train


def main() -> None:
    """Print a line for each seed."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "retrieval_site.settings")
    os.environ.setdefault("SECRET_KEY", "not used here")
    import django

    django.setup()
    options = _options()
    with tempfile.TemporaryDirectory() as room:
        source = DataSource(str(options.data or Path(room) / "data"), "" if options.data else "flickr")
        if options.data is None:
            _write(Path(source.path), options.drawings_seed, options.drawings)
        recipe = recipe_with(recipe_named(options.recipe), read_settings(options.set))
        start = replace(recipe.start, bundle=str(options.bundle))
        print(f"{options.bundle.name}, {options.recipe}, {options.data or f'{options.drawings} drawings'}")
        for seed in options.seeds:
            asked = replace(recipe, start=start, run=replace(recipe.run, seed=seed))
            _run(asked, source, Path(room) / f"run-{seed}")


def _options() -> argparse.Namespace:
    from demo.load import BUNDLE

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, default=BUNDLE, help="the version to go on from")
    parser.add_argument("--recipe", default="finetune-heads")
    parser.add_argument("--data", type=Path, help="a data set that training reads, instead of drawings")
    parser.add_argument("--drawings", type=int, default=400)
    parser.add_argument("--drawings-seed", type=int, default=973)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    return parser.parse_args()


def _write(data: Path, seed: int, count: int) -> None:
    from demo.corpus import write_training_set

    write_training_set(data, seed, count)
    for picture in sorted((data / "images").iterdir()):
        picture.write_bytes(_other_camera(picture))


def _run(recipe: Recipe, source: DataSource, out: Path) -> None:
    started = time.monotonic()
    said: list[str] = []
    train(TrainOptions(recipe, DatasetPaths(sets=(source,)), out, out.parent / "cache", say=said.append))
    folder = RunFolder(out)
    before, after = (json.loads(path.read_text()) for path in (folder.base, folder.metrics))
    found = [
        f"{cut.upper().replace('R', 'R@')} {way} {before[key][cut]:.1f} → {after[key][cut]:.1f}"
        for way, key in (("image → text", "image_to_text"), ("text → image", "text_to_image"))
        for cut in ("r1", "r10")
    ]
    print(f"{out.name}: {', '.join(found)}, {time.monotonic() - started:.0f} s; {said[-1]}", flush=True)


if __name__ == "__main__":
    main()

"""A small captioned corpus that a tiny network learns in seconds: coloured shapes on grey."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from workers.training.recipe import recipe_with
from workers.training.recipes.catalogue import recipe_named
from workers.training.run_folder import DatasetPaths

COLOURS = {"red": (220, 40, 40), "green": (40, 180, 60), "blue": (50, 70, 220), "yellow": (230, 210, 40)}
SHAPES = ("disc", "square")
TEMPLATES = (
    "a {colour} {shape} .",
    "there is a {shape} in {colour}. it lies on grey.",
    "the {shape} looks {colour}",
)


def _picture(colour, shape, rng):
    width, height = int(rng.integers(40, 60)), int(rng.integers(40, 60))
    image = Image.new("RGB", (width, height), (128, 128, 128))
    side, middle = int(rng.integers(18, 30)), min(width, height)
    # Within the middle square, the crop that is looked at: half a disc cannot be told from half a square.
    left = (width - middle) // 2 + int(rng.integers(2, middle - side - 2))
    top = (height - middle) // 2 + int(rng.integers(2, middle - side - 2))
    box = (left, top, left + side, top + side)
    draw = ImageDraw.Draw(image)
    (draw.ellipse if shape == "disc" else draw.rectangle)(box, fill=COLOURS[colour])
    return image


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """The folder of a data set in Flickr8k's layout, with groups."""
    root, rng = tmp_path_factory.mktemp("corpus"), np.random.default_rng(5)
    (root / "images").mkdir()
    captions, groups, names = [], [], []
    for number in range(96):
        colour, shape = list(COLOURS)[number % 4], SHAPES[(number // 4) % 2]
        name = f"{number:03d}.png"
        _picture(colour, shape, rng).save(root / "images" / name)
        captions += [f"{name}#{k}\t{t.format(colour=colour, shape=shape)}" for k, t in enumerate(TEMPLATES)]
        groups.append(f"{name}\t{colour} {shape}")
        names.append(name)
    (root / "captions.txt").write_text("\n".join(captions) + "\n")
    (root / "groups.txt").write_text("\n".join(groups) + "\n")
    (root / "train.txt").write_text("\n".join(names[16:]) + "\n")
    (root / "val.txt").write_text("\n".join(names[:16]) + "\n")
    return root


@pytest.fixture(scope="session")
def data(corpus):
    """Where the corpus lies."""
    files = (str(corpus / name) for name in ("images", "captions.txt", "train.txt", "val.txt", "groups.txt"))
    return DatasetPaths(*files)


@pytest.fixture(scope="session")
def tiny():
    """The demo's recipe at a size that trains in a second."""
    settings = {
        "embedding_dim": 16, "image.widths": [8, 16], "image.blocks": [1, 1], "text.word_dim": 12,
        "pixels.resize": 32, "pixels.size": 32, "data.batch": 16, "run.epochs": 4, "run.precision": "float32",
        "loss": {"kind": "curriculum", "first": {"kind": "contrastive"}, "first_epochs": 2},
        "optimiser.lr": 0.003, "data.workers": 0,
    }  # fmt: skip
    return recipe_with(recipe_named("demo"), settings.items())

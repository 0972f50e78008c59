"""Region encoders trained, exported and served: the whole way on a corpus of coloured shapes."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from workers.inference.bundles import bundle_extract
from workers.inference.encoder import load_encoder
from workers.inference.pictures import open_picture, to_pixels
from workers.inference.precision import agreement
from workers.neural.native import load_native
from workers.training.export import ExportOptions
from workers.training.recipe import recipe_with
from workers.training.recipes.catalogue import recipe_named
from workers.training.train import TrainOptions, train

SETTINGS = {
    "embedding_dim": 16, "image.kind": "regions", "image.architecture": "squeezenet1_1",
    "image.nodes": 9, "image.width": 24,
    "text.word_dim": 12, "loss.kind": "contrastive", "start.weights": "none", "optimiser.lr": 0.003,
    "pixels.resize": 64, "pixels.size": 64, "data.batch": 16, "data.captions": "one", "data.min_count": 1,
    "run.epochs": 3,
}  # fmt: skip


def options_of(data, folder, **settings):
    recipe = recipe_with(recipe_named("vsepp"), (SETTINGS | settings).items())
    return TrainOptions(recipe, data, folder / "run", folder / "cache", say=lambda line: None)


def losses_of(folder):
    return [json.loads(line)["loss"] for line in (folder / "run" / "curves.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("kind", ["vsrn", "light"])
def test_reasoning_over_cached_cells_learns_and_serves_the_same_vectors(tmp_path, data, kind):
    settings = {
        "image.reasoning.kind": kind, "image.reasoning.layers": 2, "start.tune": "head",
        "generation.weight": 0.1, "generation.hidden": 16, "generation.word_dim": 8,
    }  # fmt: skip
    options = options_of(data, tmp_path, **settings)
    bundle = tmp_path / "regions.bundle.zip"
    train(TrainOptions(**{**vars(options), "bundle": bundle, "export": ExportOptions(name="regions")}))
    losses = losses_of(tmp_path)
    assert losses[-1] < losses[0]
    cached = [np.load(path, mmap_mode="r") for path in (tmp_path / "cache").glob("features-*.npy")]
    assert {(store.dtype.name, store.shape[1:]) for store in cached} == {("float16", (1, 9, 512))}
    manifest = bundle_extract(bundle, tmp_path / "served")
    encoder = load_encoder(tmp_path / "served", device="cpu")
    served = tmp_path / "served"
    native = load_native(json.loads((served / "native.json").read_text()), served / "native.safetensors")
    pictures = [open_picture(path.read_bytes()) for path in sorted(Path(data.images).glob("*.png"))[:5]]
    pixels = np.stack([to_pixels(picture, manifest.image) for picture in pictures])
    with torch.inference_mode():
        wanted = native.encode_image(torch.from_numpy(pixels)).numpy()
    assert agreement(encoder.encode_pictures(pictures), wanted) > 0.999


def test_the_network_under_the_regions_can_be_tuned_along(tmp_path, data):
    options = options_of(data, tmp_path, **{"start.tune": "all", "run.epochs": 2})
    train(options)
    assert len(losses_of(tmp_path)) == 2
    assert not list((tmp_path / "cache").glob("features-*.npy"))

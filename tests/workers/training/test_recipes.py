"""Every recipe of the catalogue builds: its config, and its model at a tiny size."""

import json

import pytest
import torch

from workers.neural.configs import config_from, config_to
from workers.training.recipe import Recipe, recipe_with
from workers.training.recipes import fne
from workers.training.recipes.catalogue import recipe_named, recipe_names
from workers.training.start import build_model

# Small networks of torchvision that have what the recipe's own has: fully connected layers, or a map of cells.
SMALL = {
    "cnn": "squeezenet1_1",
    "fne": "squeezenet1_1",
    "two-branch": "squeezenet1_1",
    "regions": "squeezenet1_1",
}


def tiny(recipe):
    changes = [("dim", 8), ("start.weights", "none"), ("pixels.resize", 64), ("pixels.size", 64)]
    kind = recipe.image.kind
    if kind in SMALL:
        changes.append(("image.architecture", SMALL[kind]))
    if kind == "fne":
        changes.append(("image.layers", []))
    if kind == "regions":
        changes += [("image.source", "cells"), ("image.nodes", 9)]
    for name in ("words", "hidden"):
        changes += [
            (f"{side}.{name}", 8) for side in ("image", "text") if hasattr(getattr(recipe, side), name)
        ]
    return recipe_with(recipe, changes)


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_builds_its_config_and_a_model_that_embeds(name):
    recipe = recipe_named(name)
    assert config_from(Recipe, json.loads(json.dumps(config_to(recipe)))) == recipe
    small = tiny(recipe)
    model = build_model(small, vocabulary=11).eval()
    shape = (2, 10, 3, 64, 64) if small.pixels.crop == "ten" else (2, 3, 64, 64)
    with torch.inference_mode():
        images = model.encode_image(torch.randn(shape))
        captions = model.encode_text(torch.tensor([[1, 4, 2], [1, 5, 2]]), torch.tensor([3, 3]))
        scores = model.similarity.scores(images, captions)
    assert images.shape == captions.shape == (2, 8)
    assert torch.isfinite(scores).all()
    loss = recipe.loss.loss(scores, torch.zeros(2, 2, dtype=torch.bool), 0)
    assert loss.ndim == 0


@pytest.mark.parametrize(("name", "sizes"), fne.SIZES.items())
def test_the_papers_sizes_reach_the_recipe(name, sizes):
    recipe = recipe_named(name)
    assert (recipe.dim, recipe.text.words, recipe.optimiser.rate) == sizes[:3]
    assert recipe.similarity.kind == ("cosine" if sizes.absolute is None else "order")
    assert recipe.pixels.crop == "ten"
    assert recipe.frozen
    kind = {"s": "sum-hinge", "m": "max-hinge", "p": "curriculum"}[name.split("-")[1][0]]
    assert recipe.loss.kind == kind
    assert (recipe.loss.first if kind == "curriculum" else recipe.loss).margin == sizes.margin


def test_a_loss_by_its_own_name_is_the_papers_system():
    uvs = config_to(recipe_named("uvs"))
    assert uvs | {"name": ""} == config_to(recipe_named("fc7-sh")) | {"name": ""}
    assert recipe_named("poe").loss.kind == "curriculum"


def test_two_branch_differs_in_its_triplets_only():
    first, second = (config_to(recipe_named(f"two-branch-{name}")) for name in ("k10-sum", "k10-mean"))
    assert {key for key in first if first[key] != second[key]} == {"name", "loss"}
    assert (first["loss"]["reduce"], second["loss"]["reduce"]) == ("sum", "mean")

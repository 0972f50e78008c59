"""Every recipe of the catalogue builds: its config, and its model at a tiny size."""

import json

import pytest
import torch

from workers.neural.configs import config_from, config_to
from workers.training.recipe import Recipe, recipe_with
from workers.training.recipes import fne
from workers.training.recipes.catalogue import recipe_named, recipe_names
from workers.training.report.claims import CLAIMS
from workers.training.start import build_model
from workers.training.tracking.compare import flat

# Small networks of torchvision that have what the recipe's own has: fully connected layers, or a map of cells.
SMALL = {
    "cnn": "squeezenet1_1",
    "fne": "squeezenet1_1",
    "two-branch": "squeezenet1_1",
    "regions": "squeezenet1_1",
}


def tiny(recipe):
    changes = [("embedding_dim", 8), ("start.weights", "none"), ("pixels.resize", 64), ("pixels.size", 64)]
    kind = recipe.image.kind
    if kind in SMALL:
        changes.append(("image.architecture", SMALL[kind]))
    if kind == "fne":
        changes.append(("image.layers", []))
    if kind == "regions":
        changes += [("image.source", "cells"), ("image.nodes", 9)]
    for name in ("word_dim", "hidden"):
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


def differing(first, second):
    """The dotted names of the settings in which two recipes differ."""
    one, other = (flat(config_to(recipe)) for recipe in (first, second))
    return {name for name in {**one, **other} if one.get(name) != other.get(name)} - {"name"}


@pytest.mark.parametrize("column", [*fne.COLUMNS, *fne.UNSTABLE])
def test_a_pair_of_one_layer_and_all_layers_differs_in_its_features_only(column):
    pair = [recipe_named(f"{image}-{column}") for image in ("fc7", "fne")]
    assert {setting.split(".")[0] for setting in differing(*pair)} == {"image"}
    assert [recipe.image.kind for recipe in pair] == ["cnn", "fne"]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.statement)
def test_a_findings_rows_of_one_size_differ_in_what_it_is_about_only(claim):
    budget = [("embedding_dim", 8), ("text.word_dim", 8), ("run.epochs", 1)]
    pair = [recipe_with(recipe_named(name), budget) for name in (claim.first, claim.second)]
    apart = differing(*pair)
    assert apart
    about = tuple(f"{setting}." for setting in claim.about)
    assert [setting for setting in apart if not f"{setting}.".startswith(about)] == []


@pytest.mark.parametrize(
    ("column", "word_dim", "lr", "margin", "absolute"),
    [
        ("sh", 1024, 2e-4, 0.2, None),
        ("sh-bl", 1000, 2e-4, 0.2, None),
        ("mh", 1024, 2e-4, 0.2, None),
        ("mh-bl", 300, 2e-4, 0.2, None),
        ("soe", 1024, 1e-3, 0.05, True),
        ("soe-bl", 300, 1e-3, 0.05, True),
        ("moe", 1536, 1e-3, 0.05, True),
        ("moe-bl", 300, 2e-4, 0.2, False),
        ("ph", 1024, 2e-4, 0.2, None),
        ("poe", 1024, 1e-3, 0.05, True),
    ],
)
def test_a_column_of_the_papers_table_is_written_as_printed(column, word_dim, lr, margin, absolute):
    recipe = recipe_named(f"fc7-{column}")
    assert (recipe.text.word_dim, recipe.optimiser.lr) == (word_dim, lr)
    assert getattr(recipe.similarity, "absolute", None) == absolute
    assert getattr(recipe.loss, "first", recipe.loss).margin == margin


@pytest.mark.parametrize(
    ("name", "sizes"),
    [(f"{image}-{column}", sizes) for image in fne.IMAGES for column, sizes in fne.COLUMNS.items()],
)
def test_the_papers_sizes_reach_the_recipe(name, sizes):
    recipe = recipe_named(name)
    assert (recipe.embedding_dim, recipe.text.word_dim, recipe.optimiser.lr) == sizes[:3]
    assert recipe.similarity.kind == ("cosine" if sizes.absolute is None else "order")
    assert recipe.pixels.crop == "ten"
    assert recipe.frozen
    kind = {"s": "sum-hinge", "m": "max-hinge", "p": "curriculum"}[name.split("-")[1][0]]
    assert recipe.loss.kind == kind
    assert (recipe.loss.first if kind == "curriculum" else recipe.loss).margin == sizes.margin


def test_a_loss_by_its_own_name_is_the_papers_system():
    uvs = config_to(recipe_named("uvs"))
    assert uvs | {"name": ""} == config_to(recipe_named("fc7-sh-bl")) | {"name": ""}
    assert recipe_named("poe").loss.kind == "curriculum"


def test_two_branch_differs_in_its_triplets_only():
    first, second = (recipe_named(f"two-branch-{name}") for name in ("k10-sum", "k10-mean"))
    assert differing(first, second) == {"loss.reduce"}
    assert (first.loss.reduce, second.loss.reduce) == ("sum", "mean")


def test_two_branch_on_the_papers_other_network_differs_in_that_network_only():
    pair = [recipe_named(name) for name in ("two-branch-k1", "two-branch-k1-resnet50")]
    assert differing(*pair) == {"image.architecture"}

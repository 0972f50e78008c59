"""Recipes, run folders and bundles made under former names of the settings are read as before."""

import json
import warnings
import zipfile
from pathlib import Path

import pytest

from tests.support.former_runs import former_settings
from workers.neural.configs import config_to
from workers.neural.errors import ModelConfigError
from workers.neural.former_names import present_names
from workers.neural.native import shapes_of
from workers.training.recipe import recipe_with
from workers.training.recipes.catalogue import RECIPES, recipe_named
from workers.training.run_folder import RunFolder
from workers.training.tracking.compare import differing
from workers.training.tracking.runs import read_run

DEMO = Path(__file__).parents[3] / "demo" / "bundle" / "demo.bundle.zip"
FORMER = [("dim", 64), ("text.words", 12), ("optimiser.rate", 0.5), ("start.rate", 0.1), ("run.average", 0.9),
          ("generation.words", 7), ("data.captions", "together")]  # fmt: skip
PRESENT = [("embedding_dim", 64), ("text.word_dim", 12), ("optimiser.lr", 0.5), ("start.lr_factor", 0.1),
           ("run.ema_decay", 0.9), ("generation.word_dim", 7), ("data.captions", "grouped")]  # fmt: skip


@pytest.mark.parametrize(("former", "present"), zip(FORMER, PRESENT, strict=True))
def test_a_former_setting_is_taken_with_a_warning_that_tells_its_present_name(former, present):
    with pytest.warns(FutureWarning, match=rf"{present[1] if former[0] == present[0] else present[0]} now"):
        assert recipe_with(RECIPES["vsepp"], [former]) == recipe_with(RECIPES["vsepp"], [present])


def test_a_former_name_within_a_table_is_taken_too():
    losses = [{"kind": "curriculum", name: 0.1} for name in ("rate", "lr")]
    texts = [{"kind": "several", "encoders": [{"kind": "mean", name: 9}]} for name in ("words", "word_dim")]
    former, present = zip(losses, texts, strict=True)
    with pytest.warns(FutureWarning, match=r"loss\.lr now"):
        read = recipe_with(RECIPES["vsepp"], zip(("loss", "text"), former, strict=True))
    assert read == recipe_with(RECIPES["vsepp"], zip(("loss", "text"), present, strict=True))


def test_a_recipe_file_of_former_names_is_read_and_one_with_both_is_refused(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\ndim = 64\n')
    with pytest.warns(FutureWarning, match="embedding_dim now"):
        assert recipe_named(str(path)).embedding_dim == 64
    path.write_text('name = "mine"\ndim = 64\nembedding_dim = 32\n')
    with pytest.raises(ModelConfigError, match="'dim'"):
        recipe_named(str(path))


def test_a_run_that_was_begun_under_former_names_is_gone_on_with_and_compared(tmp_path):
    recipe = recipe_with(RECIPES["sightline"], [("start.words", "glove.txt")])
    facts = {"data": {}, "fingerprints": {}}
    for name, settings in (("former", former_settings(config_to(recipe))), ("present", config_to(recipe))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps({"recipe": settings, **facts}))
    with pytest.warns(DeprecationWarning, match=r"run\.ema_decay now"):
        assert RunFolder(tmp_path / "former").recipe_and_data()[0] == recipe
    with pytest.warns(DeprecationWarning, match=r"optimiser\.lr now"):
        assert differing([read_run(tmp_path / name) for name in ("former", "present")]) == {}


def test_the_demos_bundle_which_has_former_names_still_gives_its_native_model():
    with zipfile.ZipFile(DEMO) as bundle:
        config = json.loads(bundle.read("native.json"))
    assert "dim" in config
    with pytest.warns(DeprecationWarning, match="embedding_dim now"):
        shapes = shapes_of(config)
    assert shapes["text.table.weight"] == (config["vocabulary"], config["text"]["words"])


def test_present_names_are_read_without_a_warning():
    plain = config_to(RECIPES["sightline"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert present_names(plain) == plain

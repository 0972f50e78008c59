import pytest

from workers.neural.configs import config_from, config_set, config_to
from workers.neural.errors import ModelConfigError
from workers.neural.family import CnnConfig, SmallResnetConfig
from workers.neural.images.features import HeadConfig
from workers.neural.texts.gru import GruConfig
from workers.training.recipe import Recipe, recipe_with
from workers.training.recipes.catalogue import RECIPES


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_every_recipe_survives_the_way_to_plain_data_and_back(recipe):
    assert config_from(Recipe, config_to(recipe)) == recipe


def test_one_setting_changes_one_thing():
    recipe = recipe_with(RECIPES["vsepp"], [("image.architecture", "resnet18"), ("optimiser.lr", 1)])
    assert recipe.image == CnnConfig(architecture="resnet18")
    assert recipe.optimiser.lr == 1.0
    assert recipe.text == RECIPES["vsepp"].text


def test_another_kind_begins_with_its_own_defaults():
    recipe = recipe_with(RECIPES["vsepp"], [("image.kind", "small-resnet"), ("image.widths", [8, 16])])
    assert recipe.image == SmallResnetConfig(widths=(8, 16))


def test_nested_settings_reach_their_part():
    recipe = recipe_with(RECIPES["vsepp"], [("image.head.features", "standard")])
    assert recipe.image.head == HeadConfig(features="standard")


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("image.depth", 18, "depth"),
        ("image.kind", "transformer", "transformer"),
        ("text.word_dim", "many", "word_dim"),
        ("text.word_dim", True, "word_dim"),
        ("data.captions", "some", "captions"),
        ("pixels.mean", [0.5], "mean"),
        ("image.widths", 3, "widths"),
        ("loss.margin.deep", 1, "margin"),
        ("image", "resnet", "image"),
    ],
)
def test_a_setting_that_does_not_exist_or_fit_is_refused_by_its_name(key, value, named):
    with pytest.raises(ModelConfigError, match=named):
        recipe_with(RECIPES["vsepp"], [(key, value)])


def test_a_recipe_without_a_name_is_refused():
    with pytest.raises(ModelConfigError, match="incomplete"):
        config_from(Recipe, {}, "recipe")


def test_setting_a_key_leaves_the_given_data_alone():
    data = config_to(GruConfig())
    assert config_set({"text": data}, "text.word_dim", 5)["text"]["word_dim"] == 5
    assert data["word_dim"] == 300

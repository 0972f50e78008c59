import pytest

from workers.neural.errors import ModelConfigError
from workers.training.errors import TrainingError
from workers.training.recipes.catalogue import recipe_named
from workers.training.settings import read_settings


def test_values_are_read_as_json_where_they_are_that_and_as_words_otherwise():
    items = ["a.b=3", "rate=1e-3", "widths=[8, 16]", "name=resnet18", "flip=true", "path=x=y"]
    assert read_settings(items) == [
        ("a.b", 3), ("rate", 0.001), ("widths", [8, 16]), ("name", "resnet18"), ("flip", True), ("path", "x=y"),
    ]  # fmt: skip


@pytest.mark.parametrize("item", ["image.architecture", "=3"])
def test_a_setting_without_key_or_value_is_refused(item):
    with pytest.raises(TrainingError, match="key=value"):
        read_settings([item])


def test_a_recipe_may_be_a_toml_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'name = "mine"\nembedding_dim = 64\nimage = { kind = "cnn", architecture = "resnet18" }\n'
    )
    recipe = recipe_named(str(path))
    assert (recipe.name, recipe.embedding_dim, recipe.image.architecture) == ("mine", 64, "resnet18")


def test_an_unknown_recipe_is_refused_with_those_that_there_are():
    with pytest.raises(TrainingError, match=r"there are demo, .*, vsepp, vsepp-features"):
        recipe_named("vse")


@pytest.mark.parametrize(("text", "error"), [("name = ", TrainingError), ('nom = "x"', ModelConfigError)])
def test_a_broken_recipe_file_is_refused(tmp_path, text, error):
    path = tmp_path / "broken.toml"
    path.write_text(text)
    with pytest.raises(error):
        recipe_named(str(path))

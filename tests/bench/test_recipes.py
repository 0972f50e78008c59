"""What a recipe's model costs is measured without training it."""

from __future__ import annotations

import pytest

from bench.photos import photo
from bench.recipes import _costs
from workers.training.recipes.catalogue import recipe_named

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ["demo", "pretrained"])
def test_a_bundle_is_written_and_asked(tmp_path, name: str) -> None:
    paths = tuple(tmp_path / f"{number}.jpg" for number in range(2))
    for number, path in enumerate(paths):
        path.write_bytes(photo(number, 64, 48))
    costs = _costs(recipe_named(name), paths, ["w1 w2", "w3"])
    # Graphs and native weights, each in two bytes a weight.
    assert 3.5 * costs.parameters < costs.bundle_bytes < 4.5 * costs.parameters
    assert costs.picture_ms > 0
    assert costs.caption_ms > 0

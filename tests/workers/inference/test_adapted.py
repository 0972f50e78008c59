"""A bundle with an adapter is the base's bundle with one file more for each tower that moves."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.tiny_bundle import make_tiny_bundle
from workers.inference.adapted import adapted_write
from workers.inference.adapters import ResidualMap, read_adapter
from workers.inference.bundles import bundle_extract, read_manifest
from workers.inference.errors import BundleError

DIM = 32


@pytest.fixture
def base(tmp_path):
    bundle_extract(make_tiny_bundle(tmp_path / "base.zip"), tmp_path / "base")
    return tmp_path / "base"


def some_map():
    return ResidualMap(np.full((DIM, DIM), 0.01, np.float32), np.ones(DIM, np.float32))


def test_everything_of_the_base_stays_and_the_same_input_gives_the_same_file(base, tmp_path):
    maps = {"image": some_map(), "text": ResidualMap.nothing(DIM)}
    for name in ("a", "b"):
        adapted_write(base, maps, tmp_path / f"{name}.zip", adapted_from="tiny@1", metrics={"gain": 0.1})
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    manifest, before = bundle_extract(tmp_path / "a.zip", tmp_path / "a"), read_manifest(base)
    assert manifest.adapter is not None
    assert (manifest.adapter.image, manifest.adapter.text) == ("adapter/image.npy", None)
    assert {name: manifest.files[name] for name in before.files} == before.files
    assert manifest.training == {"adapted_from": "tiny@1"}
    assert manifest.metrics == {"gain": 0.1}
    found = read_adapter(manifest, tmp_path / "a")
    assert np.array_equal(found["image"].weights, some_map().weights)


def test_a_second_adapter_is_refused(base, tmp_path):
    adapted_write(base, {"text": some_map()}, tmp_path / "a.zip", adapted_from="tiny@1", metrics={})
    bundle_extract(tmp_path / "a.zip", tmp_path / "a")
    with pytest.raises(BundleError, match="another adapter"):
        adapted_write(
            tmp_path / "a", {"image": some_map()}, tmp_path / "b.zip", adapted_from="tiny@2", metrics={}
        )

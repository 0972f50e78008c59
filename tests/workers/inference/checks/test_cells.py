"""The output `cells` of a bundle: true ones pass, others are refused."""

import numpy as np
import pytest

from tests.support.cells_bundle import DIM, cells_manifest, make_cells_bundle
from tests.support.tiny_bundle import serialise, tiny_graphs, tiny_manifest, vocabulary_bytes
from tests.workers.inference.hostile import bundle_with
from workers.inference.bundles import bundle_write
from workers.inference.checks.outputs import check_cells
from workers.inference.errors import BundleError
from workers.inference.manifest import parse_manifest

FILES = {name: {"sha256": "0" * 64, "bytes": 1} for name in ("image.onnx", "text.onnx", "vocabulary.txt")}


def test_a_bundle_whose_cells_add_up_passes_and_says_how_exactly(tmp_path, carry_out):
    found = carry_out(make_cells_bundle(tmp_path / "b.zip"))
    assert found["probes"]["image"]["cells_error"] < 1e-5


def test_a_bundle_without_cells_says_nothing_of_them(tmp_path, carry_out):
    assert "cells_error" not in carry_out(bundle_with(tmp_path / "b.zip"))["probes"]["image"]


@pytest.mark.parametrize(
    ("changes", "error_id"),
    [
        ({"share": 1.05}, "bundle.cells_disagree"),
        ({"share": -1.0}, "bundle.cells_disagree"),
        ({"share": 1e37}, "bundle.cells_disagree"),
        ({"share": float("nan")}, "bundle.output_not_finite"),
        ({"grid": (4, 4)}, "bundle.graph_interface"),
        ({"grid": (4, 16), "stated": False}, "bundle.output_wrong_dim"),
    ],
)
def test_a_bundle_whose_cells_lie_is_refused(tmp_path, refusal, changes, error_id):
    assert refusal(make_cells_bundle(tmp_path / "b.zip", **changes)).id == error_id


def with_image(**changes):
    """The tiny bundle's manifest with changes to how its pictures are fed."""
    values = tiny_manifest()
    return values | {"image": values["image"] | changes}


def test_cells_that_only_the_manifest_has_are_refused(tmp_path, refusal):
    bundle = make_cells_bundle(tmp_path / "b.zip")
    image, text = tiny_graphs(DIM, 0)
    files = {
        "image.onnx": serialise(image),
        "text.onnx": serialise(text),
        "vocabulary.txt": vocabulary_bytes(),
    }
    bundle_write(bundle, cells_manifest(), files)
    assert refusal(bundle).id == "bundle.graph_interface"


def test_cells_that_the_manifest_does_not_name_are_refused(tmp_path, refusal):
    bundle = make_cells_bundle(tmp_path / "b.zip", grid=None)
    assert refusal(bundle).id == "bundle.graph_interface"


@pytest.mark.parametrize(
    "cells", [[4], [4, 4, 4], [1, 4], [4, 17], [4.0, 4], [True, 4], "44", {"rows": 4, "columns": 4}]
)
def test_a_grid_is_two_whole_numbers(cells):
    with pytest.raises(BundleError) as refused:
        parse_manifest(with_image(cells=cells) | {"files": FILES})
    assert refused.value.detail["key"] == "image.cells"


@pytest.mark.parametrize(
    "other",
    [
        with_image(cells=[4, 4]) | {"similarity": "order"},
        with_image(cells=[4, 4], crop="ten"),
        with_image(cells=[4, 4])
        | {"payloads": {"torchscript": {"image": "image.onnx", "text": "text.onnx"}}},
    ],
    ids=["order", "ten crops", "TorchScript alone"],
)
def test_cells_over_which_no_score_splits_are_refused(other):
    with pytest.raises(BundleError) as refused:
        parse_manifest(other | {"files": FILES})
    assert refused.value.detail["key"] == "image.cells"


def test_a_manifest_with_cells_reads_itself():
    manifest = parse_manifest(with_image(cells=[4, 5]) | {"files": FILES})
    assert manifest.image.cells == (4, 5)
    assert parse_manifest(manifest.to_json()) == manifest


def test_one_lying_picture_among_many_is_found():
    rng = np.random.default_rng(0)
    cells = rng.standard_normal((5, 3, 4, 8)).astype(np.float32)
    vectors = cells.mean((1, 2))
    assert check_cells(cells, vectors, (3, 4)) < 1e-6
    cells[3, 0, 0, 0] += 1
    with pytest.raises(BundleError):
        check_cells(cells, vectors, (3, 4))

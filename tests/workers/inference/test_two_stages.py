"""A bundle of two stages: cut at its nodes, run at once, and the same as one stage after the other."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from search.indexing.units import encode
from search.units.kind import UnitBatch
from tests.support.region_graph import CHANNELS, DIM, NODES, region_graph, region_manifest
from workers.inference.bundles import bundle_extract, bundle_write
from workers.inference.checks.graphs import check_graph, image_inputs, more_outputs, with_stated_batch
from workers.inference.checks.indices import check_indices
from workers.inference.checks.probing import Prober, image_probes
from workers.inference.encoder import STAGE_BATCH, at_once, load_encoder
from workers.inference.errors import BundleError
from workers.inference.manifest import parse_manifest
from workers.inference.stages import ROOM


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """The folder of an extracted bundle with a small random detector, and its manifest."""
    room = tmp_path_factory.mktemp("stages")
    bundle_write(room / "regions.zip", region_manifest(), {"image.onnx": region_graph()})
    return room / "bundle", bundle_extract(room / "regions.zip", room / "bundle")


@pytest.fixture(scope="module")
def encoder(bundle):
    return load_encoder(bundle[0], device="cpu", threads=1)


@pytest.fixture(scope="module")
def pixels(bundle):
    return image_probes(bundle[1].image)


def test_the_graph_is_allowed_and_both_stages_are_the_whole(bundle, pixels):
    folder, manifest = bundle
    ports = image_inputs(manifest.image)
    graph = check_graph(folder / "image.onnx", ports, manifest, more_outputs(manifest.image, DIM))
    check_indices(graph, with_stated_batch(graph, ports), None, "image.onnx")
    vectors, found = Prober(manifest, folder, 1).image(manifest.image)
    assert found["stages_agreement"] > 0.9999
    assert len(found["stages_milliseconds"]) == 2
    assert vectors.shape == (len(pixels), DIM)


def test_at_once_is_what_one_after_the_other_gives(encoder, pixels):
    first, second = encoder.runtime.halves()
    batches = [pixels[at : at + STAGE_BATCH] for at in range(0, len(pixels), STAGE_BATCH)]
    apart = np.concatenate([second(first(batch)) for batch in batches])
    assert first(pixels).shape == (len(pixels), NODES, CHANNELS)
    found = encoder.encode_pixels(pixels)
    np.testing.assert_allclose(found, apart, atol=1e-6)
    np.testing.assert_allclose(found, encoder.runtime.image(pixels), atol=1e-5)
    assert len({vector.tobytes() for vector in found}) == len(pixels)


def test_a_picture_that_fails_fails_alone(encoder, pixels):
    bad = pixels.copy()
    bad[3] = 0  # no cell of it says anything, so it has no direction
    done = encode(encoder, "image", UnitBatch(list(range(len(bad))), list(bad), []))
    assert [failure.unit_id for failure in done.failures] == [3]
    good = [at for at in range(len(pixels)) if at != 3]
    assert done.ids == good
    np.testing.assert_allclose(done.vectors, encoder.encode_pixels(pixels)[good], atol=1e-5)


def test_no_more_than_a_few_batches_wait_between_the_stages():
    lock, waiting, most = threading.Lock(), 0, 0

    def first(batch):
        nonlocal waiting, most
        with lock:
            waiting += len(batch)
            most = max(most, waiting)
        return batch

    def second(nodes):
        nonlocal waiting
        time.sleep(0.002)
        with lock:
            waiting -= len(nodes)
        return nodes

    pictures = np.arange(100, dtype=np.float32)[:, None]
    np.testing.assert_array_equal(at_once(pictures, first, second, 2), pictures)
    assert most <= (ROOM + 2) * 2  # in the queue, in the second stage, and in the first's hands


def test_a_graph_that_cannot_be_cut_there_is_refused(bundle, pixels, tmp_path):
    manifest = bundle[1]
    (tmp_path / "image.onnx").write_bytes(region_graph(looks_back=True))
    with pytest.raises(BundleError, match=r"bundle\.graph_failed"):
        Prober(manifest, tmp_path, 1).image(manifest.image)


def test_nodes_of_another_shape_are_refused(bundle):
    folder, manifest = bundle
    wrong = replace(manifest.image, stages=(NODES + 1, CHANNELS))
    with pytest.raises(BundleError, match=r"bundle\.graph_interface"):
        check_graph(folder / "image.onnx", image_inputs(wrong), manifest, more_outputs(wrong, DIM))


@pytest.mark.parametrize("stages", [[5], [0, 8], [257, 8], [5, 8193], "5", [True, 8], [5.0, 8]])
def test_a_manifest_says_two_sensible_numbers(bundle, stages):
    values = bundle[1].to_json()
    assert parse_manifest(values).image.stages == (NODES, CHANNELS)
    values["image"]["stages"] = stages
    with pytest.raises(BundleError, match=r"bundle\.manifest_invalid"):
        parse_manifest(values)


def test_ten_crops_have_no_stages(bundle):
    values = bundle[1].to_json()
    values["image"]["crop"] = "ten"
    with pytest.raises(BundleError, match=r"image\.stages"):
        parse_manifest(values)

"""An encoder over regions as a bundle of two stages: cut, run at once, and the same as one after the other."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch

from search.indexing.units import encode
from search.units.kind import UnitBatch
from tests.support.detectors import small_detector
from workers.inference.bundles import bundle_extract, bundle_write, read_manifest
from workers.inference.checks.graphs import check_graph, image_inputs, more_outputs
from workers.inference.checks.probing import Prober, image_probes
from workers.inference.encoder import STAGE_BATCH, at_once, load_encoder
from workers.inference.errors import BundleError
from workers.inference.manifest import parse_manifest
from workers.inference.stages import ROOM
from workers.neural.images import detector
from workers.neural.images.regions import RegionsConfig
from workers.neural.reasoning.light import LightConfig
from workers.neural.similarity.cosine import CosineConfig
from workers.neural.texts.mean import MeanConfig
from workers.neural.two_tower import TwoTowerConfig
from workers.training.graphs import staged_graph, stages_of

SIZE, DIM, NODES = 64, 12, 5


def model_of(**fields):
    image = RegionsConfig(
        source="detector", architecture=detector.ARCHITECTURE, nodes=NODES, proposals=16, width=8,
        reasoning=LightConfig(),
    )  # fmt: skip
    torch.manual_seed(0)
    return TwoTowerConfig(DIM, 10, image, MeanConfig(), CosineConfig(), **fields).build().eval()


def manifest_of(graph: bytes, stages=(NODES, detector.CHANNELS)):
    return {
        "format": 1, "name": "regions", "licence": "MIT", "dim": DIM, "modalities": ["image"],
        "image": {
            "resize": SIZE, "size": SIZE, "crop": "squash", "interpolation": "bilinear",
            "mean": [0.5] * 3, "std": [0.25] * 3, "precision": "float32", "stages": list(stages),
        },
        "payloads": {"onnx": {"image": "image.onnx"}},
    }  # fmt: skip


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """The folder of an extracted bundle with a small random detector, and its manifest."""
    patch = pytest.MonkeyPatch()
    patch.setattr(detector, "detector_network", small_detector)
    model = model_of()
    patch.undo()
    assert stages_of(model, crops=False) == (NODES, detector.CHANNELS)
    assert stages_of(model, crops=True) is None
    graph = staged_graph(model, SIZE, half=False)
    room = tmp_path_factory.mktemp("stages")
    bundle_write(room / "regions.zip", manifest_of(graph), {"image.onnx": graph})
    return room / "bundle", bundle_extract(room / "regions.zip", room / "bundle")


@pytest.fixture(scope="module")
def encoder(bundle):
    return load_encoder(bundle[0], device="cpu", threads=1)


@pytest.fixture(scope="module")
def pixels(bundle):
    return image_probes(bundle[1].image)


def test_the_graph_is_allowed_and_both_stages_are_the_whole(bundle, pixels):
    folder, manifest = bundle
    spec = manifest.image
    check_graph(folder / "image.onnx", image_inputs(spec), manifest, more_outputs(spec, DIM))
    vectors, found = Prober(manifest, folder, 1).image(spec)
    assert found["stages_agreement"] > 0.9999
    assert len(found["stages_milliseconds"]) == 2
    assert vectors.shape == (len(pixels), DIM)


def test_at_once_is_what_one_after_the_other_gives(encoder, pixels):
    first, second = encoder.runtime.halves()
    batches = [pixels[at : at + STAGE_BATCH] for at in range(0, len(pixels), STAGE_BATCH)]
    apart = np.concatenate([second(first(batch)) for batch in batches])
    found = encoder.encode_pixels(pixels)
    np.testing.assert_allclose(found, apart, atol=1e-6)
    np.testing.assert_allclose(found, encoder.runtime.image(pixels), atol=1e-4)
    assert len({vector.tobytes() for vector in found}) == len(pixels)


def test_a_picture_that_fails_fails_alone(encoder, pixels):
    bad = pixels.copy()
    bad[3] = np.nan
    done = encode(encoder, "image", UnitBatch(list(range(len(bad))), list(bad), []))
    assert [failure.unit_id for failure in done.failures] == [3]
    np.testing.assert_allclose(done.vectors, np.delete(encoder.encode_pixels(pixels), 3, 0), atol=1e-4)


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

    pictures = np.arange(200, dtype=np.float32)[:, None]
    np.testing.assert_array_equal(at_once(pictures, first, second, 2), pictures)
    assert most <= (ROOM + 2) * 2  # in the queue, in the second stage, and in the first's hands


def test_a_graph_that_cannot_be_cut_there_is_refused(bundle, tmp_path):
    folder, manifest = bundle
    graph = onnx.load(folder / "image.onnx")
    mean = onnx.helper.make_node("ReduceMean", ["pixels"], ["looked_at"], keepdims=0)
    (last,) = [node for node in graph.graph.node if "embedding" in node.output]
    last.output[:] = ["without"]
    graph.graph.node.extend([mean, onnx.helper.make_node("Add", ["without", "looked_at"], ["embedding"])])
    (tmp_path / "image.onnx").write_bytes(graph.SerializeToString())
    with pytest.raises(BundleError, match=r"bundle\.graph_failed"):
        Prober(manifest, tmp_path, 1)._stages(manifest.image, image_probes(manifest.image), np.ones((8, DIM)))


def test_nodes_of_another_shape_are_refused(bundle):
    folder, manifest = bundle
    wrong = replace(manifest, image=replace(manifest.image, stages=(NODES + 1, detector.CHANNELS)))
    with pytest.raises(BundleError, match=r"bundle\.graph_interface"):
        check_graph(folder / "image.onnx", image_inputs(wrong.image), wrong, more_outputs(wrong.image, DIM))


@pytest.mark.parametrize("stages", [[5], [0, 8], [257, 8], [5, 8193], "5", [True, 8], [5.0, 8]])
def test_a_manifest_says_two_sensible_numbers(bundle, stages):
    values = read_manifest(bundle[0]).to_json()
    values["image"]["stages"] = stages
    with pytest.raises(BundleError, match=r"bundle\.manifest_invalid"):
        parse_manifest(values)


def test_ten_crops_have_no_stages(bundle):
    values = read_manifest(bundle[0]).to_json()
    values["image"]["crop"] = "ten"
    with pytest.raises(BundleError, match=r"image\.stages"):
        parse_manifest(values)


def test_an_encoder_of_several_views_stays_one(monkeypatch):
    monkeypatch.setattr(detector, "detector_network", small_detector)
    assert stages_of(model_of(mirror=True), crops=False) is None

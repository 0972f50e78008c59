"""An encoder over regions leaves as one graph that can be cut between its two stages, and is what torch says."""

from __future__ import annotations

import numpy as np
import torch

from workers.inference.openvino_runtime import Compiler, StoredGraph, halves_of
from workers.neural.images.regions import RegionsConfig
from workers.neural.reasoning.light import LightConfig
from workers.neural.similarity.cosine import CosineConfig
from workers.neural.texts.mean import MeanConfig
from workers.neural.two_tower import TwoTowerConfig
from workers.training.graphs import staged_graph, stages_of


def model_of(**fields):
    image = RegionsConfig(
        source="cells", architecture="squeezenet1_1", nodes=9, width=16, reasoning=LightConfig()
    )
    torch.manual_seed(0)
    return TwoTowerConfig(12, 10, image, MeanConfig(), CosineConfig(), **fields).build().eval()


def test_a_graph_of_two_stages_is_the_model_whole_and_cut(tmp_path):
    model = model_of()
    assert stages_of(model, crops=False) == (9, 512)
    (tmp_path / "image.onnx").write_bytes(staged_graph(model, 64, half=False))
    graph = StoredGraph(tmp_path / "image.onnx", "", output="embedding")
    compiler = Compiler(None, 1)
    whole = compiler.compile(graph, "f32")
    first, second = (compiler.compile(half, "f32") for half in halves_of(graph))
    pixels = np.random.default_rng(0).normal(size=(3, 3, 64, 64)).astype(np.float32)
    with torch.inference_mode():
        wanted = model.encode_image(torch.from_numpy(pixels)).numpy()
    np.testing.assert_allclose(whole(pixels), wanted, atol=1e-4)
    assert first(pixels).shape == (3, 9, 512)
    np.testing.assert_allclose(second(first(pixels)), wanted, atol=1e-4)


def test_ten_crops_and_several_views_stay_one():
    assert stages_of(model_of(), crops=True) is None
    assert stages_of(model_of(mirror=True), crops=False) is None

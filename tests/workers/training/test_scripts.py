"""Encoders as TorchScript: the same vectors, and an archive that the closed list lets through and converts."""

import io
import logging
import zipfile

import numpy as np
import pytest
import torch

from tests.support.tiny_bundle import VOCABULARY, tiny_manifest, vocabulary_bytes
from workers.inference.bundles import bundle_extract, bundle_write
from workers.inference.checks.torchscript import convert
from workers.inference.precision import agreement
from workers.inference.vino import openvino
from workers.neural.errors import ModelConfigError
from workers.neural.images.fne import FneConfig
from workers.neural.images.regions import RegionsConfig
from workers.neural.images.small_resnet import SmallResnetConfig
from workers.neural.similarity.cosine import CosineConfig
from workers.neural.similarity.order import OrderConfig
from workers.neural.texts.convolution import ConvolutionConfig
from workers.neural.texts.gru import GruConfig
from workers.neural.texts.mean import MeanConfig
from workers.neural.texts.several import SeveralConfig
from workers.neural.two_tower import TwoTowerConfig
from workers.training.graphs import text_graph
from workers.training.scripts import check_scriptable, image_script, text_script

DIM, SIZE = 16, 64
PARTS = {
    "small-resnet": (
        SmallResnetConfig(widths=(8, 8), blocks=(1, 1)),
        MeanConfig(word_dim=12),
        CosineConfig(),
    ),
    "fne": (FneConfig(architecture="squeezenet1_1"), GruConfig(word_dim=12), OrderConfig(absolute=True)),
    "several": (
        SmallResnetConfig(widths=(8, 8), blocks=(1, 1)),
        SeveralConfig(encoders=(MeanConfig(word_dim=12), ConvolutionConfig(word_dim=9, kernels=8))),
        CosineConfig(parts=2),
    ),
    "regions": (RegionsConfig(architecture="squeezenet1_1", nodes=9), GruConfig(word_dim=12), CosineConfig()),
}


@pytest.fixture(params=PARTS)
def model(request):
    torch.manual_seed(0)
    image, text, similarity = PARTS[request.param]
    return TwoTowerConfig(DIM, len(VOCABULARY), image, text, similarity).build().eval()


@pytest.fixture
def scripts(model):
    crops = isinstance(model.config.image, FneConfig)
    return {"image.pt": image_script(model, SIZE, crops=crops), "text.pt": text_script(model)}


def inputs(model):
    """Batches unlike those that were traced: five pictures, four texts of up to eleven words."""
    crops = (10,) if isinstance(model.config.image, FneConfig) else ()
    tokens, lengths = torch.randint(4, len(VOCABULARY), (4, 11)), torch.tensor([11, 3, 7, 4])
    tokens[torch.arange(11) >= lengths[:, None]] = 0
    return torch.randn(5, *crops, 3, SIZE, SIZE), (tokens, lengths)


def test_scripts_give_the_models_vectors_for_batches_of_any_size(model, scripts):
    pixels, texts = inputs(model)
    with torch.inference_mode():
        image, text = (torch.jit.load(io.BytesIO(script)) for script in scripts.values())
        assert agreement(image(pixels).numpy(), model.encode_image(pixels).numpy()) > 0.9999
        assert agreement(text(*texts).numpy(), model.encode_text(*texts).numpy()) > 0.9999


def test_each_archive_holds_its_own_tower_only(model, scripts):
    for name, other in (("image", "text"), ("text", "image")):
        script = torch.jit.load(io.BytesIO(scripts[f"{name}.pt"]))
        stored = [*script.named_parameters(), *script.named_buffers()]
        assert not [key for key, _ in stored if f".{other}." in f".{key}"]
        own = sum(value.numel() for value in getattr(model, name).parameters())
        assert sum(value.numel() for _, value in script.named_parameters()) <= own
        assert len(scripts[f"{name}.pt"]) < sum(
            value.numel() * value.element_size() for value in getattr(model, name).state_dict().values()
        ) + (200 << 10)


def test_exporting_graphs_logs_no_steps_of_the_exporter(model, caplog):
    caplog.set_level(logging.INFO)
    text_graph(model, half=False)
    assert caplog.records == []


def test_the_archives_tell_no_folder_of_the_exporting_machine(scripts):
    for script in scripts.values():
        with zipfile.ZipFile(io.BytesIO(script)) as archive:
            assert not [name for name in archive.namelist() if name.endswith(".debug_pkl")]
            assert not [name for name in archive.namelist() if b"workers/neural" in archive.read(name)]


def test_a_bundle_of_scripts_alone_is_converted_to_graphs_of_the_same_model(model, scripts, tmp_path):
    values = tiny_manifest() | {
        "dim": DIM,
        "payloads": {"torchscript": {"image": "image.pt", "text": "text.pt"}},
    }
    crop = "ten" if isinstance(model.config.image, FneConfig) else "center"
    values["image"] |= {"resize": SIZE, "size": SIZE, "crop": crop}
    bundle_write(tmp_path / "b.zip", values, scripts | {"vocabulary.txt": vocabulary_bytes()})
    manifest = bundle_extract(tmp_path / "b.zip", tmp_path / "bundle")
    assert convert(manifest, tmp_path / "bundle", tmp_path) == ["image.onnx", "text.onnx"]
    pixels, texts = inputs(model)
    with torch.inference_mode():
        wanted = model.encode_image(pixels).numpy(), model.encode_text(*texts).numpy()
    found = answer(tmp_path / "image.onnx", pixels), answer(tmp_path / "text.onnx", *texts)
    assert agreement(found[0], wanted[0]) > (0.99 if crop == "ten" else 0.999)
    assert agreement(found[1], wanted[1]) > 0.999


def answer(graph, *given):
    request = openvino.Core().compile_model(graph, "CPU").create_infer_request()
    request.infer([value.numpy() for value in given])
    return np.array(request.get_output_tensor(0).data)


def test_a_detector_is_refused_with_a_sentence():
    detector = RegionsConfig(source="detector", architecture="fasterrcnn_resnet50_fpn")
    with pytest.raises(ModelConfigError, match="no TorchScript form"):
        check_scriptable(detector)

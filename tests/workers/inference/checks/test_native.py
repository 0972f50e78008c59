"""The native payload: fits its config, lies inside of its file, and is the model of the graphs."""

import json
import struct
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.support.tiny_bundle import VOCABULARY, tiny_manifest, vocabulary_bytes
from workers.inference.bundles import bundle_extract, bundle_write, read_manifest
from workers.inference.checks import native
from workers.inference.encoder import load_encoder
from workers.inference.errors import BundleError, EncoderError
from workers.inference.probes import probe_pictures
from workers.inference.torch_runtime import TorchRuntime
from workers.neural.images.small_resnet import SmallResnetConfig
from workers.neural.native import native_config, native_weights
from workers.neural.similarity.cosine import CosineConfig
from workers.neural.texts.mean import MeanConfig
from workers.neural.two_tower import TwoTowerConfig
from workers.training.graphs import image_graph, text_graph

DIM = 16
GRID = (4, 4)


def make_model(seed=0):
    torch.manual_seed(seed)
    image = SmallResnetConfig(widths=(8, 8), blocks=(1, 1))
    config = TwoTowerConfig(DIM, len(VOCABULARY), image, MeanConfig(word_dim=12), CosineConfig())
    model = config.build().eval()
    for name, value in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.zeros_(value)
    return model


@pytest.fixture(scope="module")
def model():
    return make_model()


@pytest.fixture(scope="module")
def files(model):
    image, grid = image_graph(model, 32, crops=False, half=False)
    assert grid == GRID
    return {
        "image.onnx": image,
        "text.onnx": text_graph(model, half=False),
        "native.json": json.dumps(native_config(model)).encode(),
        "native.safetensors": native_weights(model, half=False),
        "vocabulary.txt": vocabulary_bytes(),
    }


def written(path, files):
    values = tiny_manifest() | {"dim": DIM}
    values["image"]["cells"] = list(GRID)
    values["payloads"] = {
        "onnx": {"image": "image.onnx", "text": "text.onnx"},
        "native": {"config": "native.json", "weights": "native.safetensors"},
    }
    bundle_write(path, values, files)
    return path


def test_a_trained_kind_of_bundle_passes_and_its_payloads_agree(tmp_path, files, carry_out):
    result = carry_out(written(tmp_path / "b.zip", files))
    assert min(result["probes"][modality]["native_agreement"] for modality in ("image", "text")) > 0.9999
    assert "native weights" in result["seconds"]


def test_a_grid_that_the_native_encoder_does_not_have_is_refused(tmp_path, files, model):
    bundle_extract(written(tmp_path / "b.zip", files), tmp_path / "b")
    spec = read_manifest(tmp_path / "b").image
    native.check_grid(model, spec)
    native.check_grid(model, replace(spec, cells=None))
    with pytest.raises(BundleError) as refused:
        native.check_grid(model, replace(spec, cells=(4, 5)))
    assert refused.value.id == "bundle.payloads_disagree"
    assert refused.value.detail["found"] == list(GRID)


def test_a_runtime_whose_network_does_not_split_says_so(tmp_path, files):
    bundle_extract(written(tmp_path / "b.zip", files), tmp_path / "b")
    runtime = TorchRuntime(read_manifest(tmp_path / "b"), tmp_path / "b", "cpu")
    runtime._model.image.trunk = torch.nn.Identity()
    with pytest.raises(EncoderError) as refused:
        runtime.cells(np.zeros((1, 3, 32, 32), np.float32))
    assert refused.value.id == "encoder.no_cells"


def test_weights_of_another_training_are_refused(tmp_path, files, refusal):
    other = files | {"native.safetensors": native_weights(make_model(1), half=False)}
    assert refusal(written(tmp_path / "b.zip", other)).id == "bundle.payloads_disagree"


@pytest.mark.parametrize(
    "config",
    [
        b"{",
        b"[]",
        b'{"architecture": "other"}',
        lambda config: config | {"vocabulary": 900_000},
        lambda config: config | {"dim": 8000},
        lambda config: config | {"dim": -1},
        lambda config: config | {"surprise": 1},
        lambda config: config | {"text": config["text"] | {"word_dim": 10**9}},
        lambda config: config | {"image": config["image"] | {"widths": [8, 0]}},
        lambda config: config | {"image": config["image"] | {"widths": []}},
    ],
)
def test_a_config_that_does_not_fit_is_refused_before_anything_is_allocated(tmp_path, files, refusal, config):
    data = (
        config if isinstance(config, bytes) else json.dumps(config(json.loads(files["native.json"]))).encode()
    )
    assert refusal(written(tmp_path / "b.zip", files | {"native.json": data})).id == "bundle.native_invalid"


def header_with(**entries):
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text


@pytest.mark.parametrize(
    "weights",
    [
        b"",
        b"\x80\x04\x95 a pickle, not weights",
        struct.pack("<Q", 1 << 60) + b"{}",
        header_with(a={"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}),
        header_with(a={"dtype": "F32", "shape": [-2, -2], "data_offsets": [0, 16]}) + bytes(16),
        header_with(a={"dtype": "O", "shape": [2], "data_offsets": [0, 8]}) + bytes(8),
        header_with(a={"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}) + bytes(8),
        header_with(a=[]) + bytes(8),
        struct.pack("<Q", 4) + b"[[[[",
    ],
)
def test_weights_that_do_not_fit_are_refused(tmp_path, files, refusal, weights):
    changed = files | {"native.safetensors": weights}
    assert refusal(written(tmp_path / "b.zip", changed)).id == "bundle.native_invalid"


def test_without_torch_the_payload_is_accepted_with_a_note(tmp_path, files, carry_out, monkeypatch):
    monkeypatch.setattr(native, "has_torch", lambda: False)
    assert "Torch is not installed" in carry_out(written(tmp_path / "b.zip", files))["notes"][0]


def test_both_runtimes_give_the_same_vectors(tmp_path, files):
    folder = tmp_path / "into"
    manifest = bundle_extract(written(tmp_path / "b.zip", files), folder)
    encoder = load_encoder(folder, device="cpu")
    runtime = TorchRuntime(manifest, folder, device="cpu")
    pixels = np.stack([native_pixels(picture, manifest) for picture in probe_pictures()])
    assert (encoder.encode_pixels(pixels) * runtime.image(pixels)).sum(1).min() > 0.999
    tokens, lengths = np.array([[1, 5, 9, 2]]), np.array([4])
    np.testing.assert_allclose(
        encoder.runtime.text(tokens, lengths), runtime.text(tokens, lengths), atol=1e-4
    )


def native_pixels(picture, manifest):
    from workers.inference.pictures import to_pixels

    return to_pixels(picture, manifest.image)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_cuda_without_a_gpu_is_refused(tmp_path, files):
    bundle_extract(written(tmp_path / "b.zip", files), tmp_path / "into")
    with pytest.raises(EncoderError) as caught:
        load_encoder(tmp_path / "into", device="cuda")
    assert caught.value.id == "encoder.no_gpu"
    assert load_encoder(tmp_path / "into", device="auto").device == "cpu"


def test_a_damaged_native_payload_is_refused_by_the_runtime(tmp_path, files):
    manifest = bundle_extract(written(tmp_path / "b.zip", files), tmp_path / "into")
    (tmp_path / "into" / "native.safetensors").write_bytes(b"junk")
    with pytest.raises(BundleError) as caught:
        TorchRuntime(manifest, tmp_path / "into", device="cpu")
    assert caught.value.id == "bundle.native_invalid"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_gpu_gives_the_vectors_of_the_cpu(tmp_path, files):
    bundle_extract(written(tmp_path / "b.zip", files), tmp_path / "into")
    on_gpu, on_cpu = (load_encoder(tmp_path / "into", device=device) for device in ("auto", "cpu"))
    assert on_gpu.device == "cuda"
    pictures = probe_pictures(24)
    assert (on_gpu.encode_pictures(pictures) * on_cpu.encode_pictures(pictures)).sum(1).min() > 0.999
    texts = ["a red pump", "blue", "the small green valve on a white ground"]
    assert (on_gpu.encode_texts(texts) * on_cpu.encode_texts(texts)).sum(1).min() > 0.999

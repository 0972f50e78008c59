"""The starter's graphs give what torch gives for the same weights: tiny random ones, and the published ones."""

from __future__ import annotations

import importlib.metadata
import io
import zipfile

import numpy as np
import pytest

from tests.workers.inference.starter import tiny_weights as tiny
from workers.inference.starter.handler import StarterSentences
from workers.inference.starter.packages import CLASSIFIER, SENTENCES, StarterError, pretrained_file
from workers.inference.starter.pictures import LITE2, NamedClasses, picture_graph
from workers.inference.starter.sentences import SentenceShape, sentence_graph
from workers.inference.starter.tensors import read_safetensors, read_torch_file
from workers.inference.vino import openvino

torch = pytest.importorskip("torch")
F = torch.nn.functional


def run(graph: bytes, *inputs: np.ndarray) -> np.ndarray:
    core = openvino.Core()
    network = core.compile_model(core.read_model(graph), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.array(network(list(inputs))[0])


def cosines(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(wanted, axis=1)
    return (found * wanted).sum(1) / lengths


def classes(count: int, dim: int, most: int) -> NamedClasses:
    vectors = np.random.default_rng(5).standard_normal((count, dim)).astype(np.float32)
    return NamedClasses(vectors, vectors.mean(0), most)


def mixed(logits: np.ndarray, named: NamedClasses) -> np.ndarray:
    """ConSE as a plain loop."""
    found = []
    for row in logits / named.temperature:
        best = np.argsort(-row)[: named.most]
        shares = np.exp(row[best] - row[best].max())
        found.append((shares / shares.sum()) @ named.vectors[best] - named.centre)
    return np.array(found)


class PlainClassifier:
    """The classifier as its paper draws it, by torch's functions, with batch normalisation as a step of its own."""

    def __init__(self, weights: dict[str, np.ndarray], strides: list[int]) -> None:
        self.weights = {name: torch.tensor(values) for name, values in weights.items()}
        self.strides = strides

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        maps = F.relu6(self.step(torch.tensor(pixels), "_conv_stem", "_bn0", 2))
        for at, stride in enumerate(self.strides):
            name, inner = f"_blocks.{at}", maps
            if f"{name}._expand_conv.weight" in self.weights:
                inner = F.relu6(self.step(inner, f"{name}._expand_conv", f"{name}._bn0"))
            inner = F.relu6(self.step(inner, f"{name}._depthwise_conv", f"{name}._bn1", stride))
            inner = self.step(inner, f"{name}._project_conv", f"{name}._bn2")
            maps = inner + maps if inner.shape == maps.shape and stride == 1 else inner
        mean = F.relu6(self.step(maps, "_conv_head", "_bn1")).mean((2, 3))
        return F.linear(mean, self.weights["_fc.weight"], self.weights["_fc.bias"]).numpy()

    def step(self, maps, name: str, norm: str, stride: int = 1):
        weight, side = self.weights[f"{name}.weight"], maps.shape[-1]
        missing = max((-(-side // stride) - 1) * stride + weight.shape[-1] - side, 0)
        padded = F.pad(maps, [missing // 2, missing - missing // 2] * 2)
        groups = weight.shape[0] if "depthwise" in name else 1
        parts = [self.weights[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(F.conv2d(padded, weight, stride=stride, groups=groups), *parts, eps=1e-3)


def test_the_picture_graph_is_the_classifier_and_the_mean_of_names():
    weights, named = tiny.classifier_weights(), classes(tiny.CLASSES, tiny.DIM, 5)
    noise = np.random.default_rng(6).normal(0, 1, (3, 3, tiny.SHAPE.size, tiny.SHAPE.size))
    pixels = (noise + np.array([-3, 0, 3])[:, None, None, None]).astype(np.float32)
    wanted = mixed(PlainClassifier(weights, [*tiny.SHAPE.strides()])(pixels), named)
    found = run(picture_graph(weights, named, tiny.SHAPE), pixels)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert cosines(found, wanted).min() > 0.9999
    unit = wanted / np.linalg.norm(wanted, axis=1, keepdims=True)  # what tells pictures apart agrees, too
    assert cosines(found - found.mean(0), unit - unit.mean(0)).min() > 0.999


def plain_sentences(weights: dict[str, np.ndarray], ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """BERT by transformers."""
    transformers = pytest.importorskip("transformers")
    sizes = {"num_hidden_layers": 2, "num_attention_heads": tiny.HEADS, "intermediate_size": 4 * tiny.DIM}
    config = transformers.BertConfig(
        vocab_size=tiny.WORDS,
        hidden_size=tiny.DIM,
        max_position_embeddings=tiny.PLACES,
        layer_norm_eps=1e-12,
        **sizes,
    )
    model = transformers.BertModel(config, add_pooling_layer=False).eval()
    model.load_state_dict({name: torch.tensor(values) for name, values in weights.items()}, strict=True)
    with torch.no_grad():
        states = model(torch.tensor(ids), attention_mask=torch.tensor(mask)).last_hidden_state.numpy()
    return (states * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)


def test_the_text_graph_is_the_mean_of_berts_states_centred():
    weights = tiny.sentence_weights()
    ids = np.random.default_rng(7).integers(0, tiny.WORDS, (4, 9))
    mask = (np.arange(9) < np.array([[9], [4], [1], [7]])).astype(np.int64)
    mean = plain_sentences(weights, ids, mask)
    unit, centre = (
        mean / np.linalg.norm(mean, axis=1, keepdims=True),
        np.linspace(-0.2, 0.2, tiny.DIM, dtype=np.float32),
    )
    shape = SentenceShape(tiny.HEADS)
    assert cosines(run(sentence_graph(weights, shape=shape), ids, mask), unit).min() > 0.9999
    assert cosines(run(sentence_graph(weights, centre, shape), ids, mask), unit - centre).min() > 0.9999


def published(package) -> bytes:
    """A package's file where it is installed; nothing is fetched here."""
    try:
        importlib.metadata.distribution(package.name)
        return pretrained_file(package, None, print)
    except (importlib.metadata.PackageNotFoundError, StarterError):
        pytest.skip(f"{package.name} is not installed")


def test_the_published_classifier_gives_what_its_package_gives():
    data = published(CLASSIFIER)
    module = pytest.importorskip("efficientnet_lite_pytorch")
    state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    weights = read_torch_file(data)
    assert all(np.array_equal(weights[name], values.numpy()) for name, values in state.items())
    model = module.EfficientNet.from_name("efficientnet-lite2").eval()
    model.load_state_dict(state)
    coarse = torch.randn(4, 3, 20, 20, generator=torch.Generator().manual_seed(0))
    pixels = F.interpolate(coarse, size=LITE2.size, mode="bilinear")
    with torch.no_grad():
        wanted = mixed(model(pixels).numpy(), named := classes(1000, 384, 100))
    assert cosines(run(picture_graph(weights, named), pixels.numpy()), wanted).min() > 0.9999


def test_the_published_sentence_encoder_gives_what_transformers_gives(tmp_path):
    transformers = pytest.importorskip("transformers")
    with zipfile.ZipFile(io.BytesIO(published(SENTENCES))) as opened:
        opened.extractall(tmp_path)
    model = transformers.BertModel.from_pretrained(tmp_path).eval()
    texts = [
        "A dog runs.",
        "Two men in blue stand near a huge red truck, and nobody laughs: it's 8 o'clock, naïve café!",
    ]
    fed = transformers.AutoTokenizer.from_pretrained(tmp_path)(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        states = model(**fed).last_hidden_state
    mask = fed["attention_mask"][..., None]
    wanted = ((states * mask).sum(1) / mask.sum(1)).numpy()
    graph = sentence_graph(read_safetensors((tmp_path / "model.safetensors").read_bytes()))
    encode = StarterSentences((tmp_path / "tokenizer.json").read_bytes(), graph)
    assert cosines(encode(texts), wanted).min() > 0.9999

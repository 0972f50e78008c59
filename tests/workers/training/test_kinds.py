"""Image and text encoders of one vector per picture, from the cache of features to the runtime that serves searches."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from torchvision import models

from tests.support.sentence_models import publish_sentence_model
from workers.inference.bundles import bundle_extract
from workers.inference.checks.probing import image_probes
from workers.inference.encoder import load_encoder
from workers.inference.pictures import open_picture, to_pixels
from workers.inference.torch_runtime import TorchRuntime, read_native
from workers.neural.errors import ModelConfigError
from workers.neural.pieces import piece_tokenizer
from workers.neural.tokens import SPECIAL_TOKENS
from workers.training import encode
from workers.training.batches import padded
from workers.training.evaluate import evaluated
from workers.training.metrics import retrieval_ranks
from workers.training.recipe import recipe_with
from workers.training.sentence_model import SentenceModel
from workers.training.start import begin_words, build_model
from workers.training.train import TrainOptions, train

TEXTS = ["a red disc .", "the square looks blue", "yellow"]
SMALL = [("start.tune", "head"), ("run.epochs", 1), ("concepts.weight", 0.0), ("data.batch", 32)]
TEN = [("image.architecture", "squeezenet1_1"), ("pixels.crop", "ten"), ("pixels.resize", 48)]
KINDS = {
    "fne": [("image.kind", "fne"), *TEN],
    "two-branch": [
        ("image.kind", "two-branch"), ("image.architecture", "squeezenet1_1"), ("image.hidden", 24),
        ("text.kind", "two-branch"), ("text.word_dim", 12), ("text.hidden", 24),
    ],
    "cnn": [("image.kind", "cnn"), *TEN],
    "several": [
        ("image.kind", "cnn"), *TEN, ("similarity.parts", 2), ("text.kind", "several"),
        ("text.encoders", [{"kind": "mean", "word_dim": 12}, {"kind": "convolution", "word_dim": 9, "kernels": 8}]),
    ],
}  # fmt: skip


def trained(tiny, data, folder, settings):
    """Train one epoch and return the folder of the extracted bundle, the quality, and what was said."""
    recipe = recipe_with(tiny, [*SMALL, *settings])
    bundle = folder / "b.zip"
    said = []
    options = TrainOptions(
        recipe, data, folder / "run", folder / "cache", bundle, device="cpu", say=said.append
    )
    quality = train(options)
    bundle_extract(bundle, folder / "bundle")
    return folder / "bundle", quality, said


@pytest.fixture
def weights(tmp_path):
    """Weights whose features differ between pictures more than a fresh network's do."""
    torch.manual_seed(1)
    network = models.squeezenet1_1()
    path = tmp_path / "squeezenet.pth"
    torch.save(network.state_dict(), path)
    return str(path)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_trains_exports_and_answers_like_the_model(kind, tiny, data, tmp_path, weights):
    size = [("pixels.size", 40), ("pixels.resize", 40)]
    folder, quality, _ = trained(tiny, data, tmp_path, [*size, *KINDS[kind], ("start.weights", weights)])
    encoder = load_encoder(folder, device="cpu")
    assert encoder.manifest.image.cells is None
    model = read_native(encoder.manifest, folder)
    probes = image_probes(encoder.manifest.image)
    assert probes.ndim == (4 if kind == "two-branch" else 5)
    with torch.inference_mode():
        wanted = model.encode_image(torch.from_numpy(probes)).numpy()
    assert (encoder.encode_pixels(probes) * wanted).sum(1).min() > (0.99 if kind == "fne" else 0.999)
    assert encoder.encode_texts(TEXTS).shape == (3, 16)
    report = evaluated(folder, data.splits()[1], lambda *told: None, "cpu").report()
    assert report["sum_of_recalls"] == pytest.approx(quality.sum_of_recalls, abs=20)


SENTENCE = {
    "kind": "sentence",
    "layers": 2,
    "width": 16,
    "heads": 4,
    "inner": 24,
    "positions": 32,
    "hidden": 8,
}


@pytest.fixture(scope="module")
def sentences(tmp_path_factory):
    """A pretrained sentence encoder that knows letters, and one word."""
    folder = tmp_path_factory.mktemp("sentence")
    letters = "abcdefghijklmnopqrstuvwxyz"
    pieces = [*letters, *(f"##{letter}" for letter in letters), ".", "red"]
    publish_sentence_model(folder, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *pieces])
    return folder


@pytest.mark.parametrize("tuned", [0, 1])
def test_a_sentence_encoder_beside_a_mean_of_its_pieces_trains_exports_and_goes_on(
    tuned, tiny, data, tmp_path, sentences
):
    settings = [
        ("text.kind", "several"), ("text.encoders", [{"kind": "mean", "word_dim": 12}, SENTENCE]),
        ("similarity.parts", 2), ("start.sentence", str(sentences)), ("start.tune_sentence", tuned),
    ]  # fmt: skip
    folder, quality, said = trained(tiny, data, tmp_path, settings)
    assert "58 words known, 0.0 %" in said[0]
    assert said[1] == "32 of 58 pieces of words are in the training captions"
    encoder = load_encoder(folder, device="cpu")
    assert encoder.manifest.training["recipe"]["start"]["sentence"] == sentences.name
    report = evaluated(folder, data.splits()[1], lambda *told: None, "cpu").report()
    assert report["sum_of_recalls"] == pytest.approx(quality.sum_of_recalls, abs=20)
    model = read_native(encoder.manifest, folder)
    ids = [piece_tokenizer(list(encoder.vocabulary())).encode(text).ids for text in TEXTS]
    with torch.inference_mode():
        wanted = model.encode_text(*padded(ids)).numpy()
    assert (encoder.encode_texts(TEXTS) * wanted).sum(1).min() > 0.999
    kept = SentenceModel(sentences)
    start = recipe_with(tiny, settings).text.encoders[1].build(len(kept.vocabulary), 8)
    kept.fill(start.pretrained, start.config)
    theirs = dict(start.pretrained.named_parameters())
    moved = {name for name, value in model.text.encoders[1].pretrained.named_parameters()
             if not torch.allclose(value, theirs[name], atol=1e-6)}  # fmt: skip
    assert {name.split(".")[1] for name in moved} == ({"1"} if tuned else set())
    again = [*settings[:3], ("start.bundle", str(tmp_path / "b.zip")), ("run.epochs", 1)]
    (tmp_path / "again").mkdir()
    trained(tiny, data, tmp_path / "again", again)


def test_a_sentence_encoder_without_weights_to_begin_with_is_refused(tiny, data, tmp_path):
    with pytest.raises(ModelConfigError, match=r"start\.sentence"):
        trained(tiny, data, tmp_path, [("text", SENTENCE)])


NETWORKS = {
    "frozen": [("image.kind", "cnn"), ("image.architecture", "squeezenet1_1"), ("scales", [1.0, 1.25])],
    "trained": [("start.tune", "all"), ("start.weights", "none")],
}


@pytest.mark.parametrize("network", NETWORKS)
def test_serving_takes_several_views_and_the_finished_model_is_measured_by_them(
    network, tiny, data, tmp_path, weights, monkeypatch
):
    measured = []

    def ranks(images, *rest):
        measured.append(images)
        return retrieval_ranks(images, *rest)

    monkeypatch.setattr(encode, "retrieval_ranks", ranks)
    size = [("pixels.size", 40), ("pixels.resize", 40), ("mirror", True)]
    settings = [*size, ("start.weights", weights), *NETWORKS[network]]
    folder, *_ = trained(tiny, data, tmp_path, settings)
    encoder = load_encoder(folder, device="cpu")
    pictures = [open_picture(path.read_bytes()) for path in data.splits()[1].paths]
    pixels = np.stack([to_pixels(picture, encoder.manifest.image) for picture in pictures])
    embedded = encoder.encode_pixels(pixels)
    np.testing.assert_allclose(encoder.encode_pixels(pixels[..., ::-1].copy()), embedded, atol=1e-4)
    np.testing.assert_allclose(measured[-1], embedded, atol=1e-2)
    np.testing.assert_allclose(encoder.encode_cells(pixels).mean((1, 2)), embedded, atol=1e-2)
    native = TorchRuntime(encoder.manifest, folder, "cpu")
    np.testing.assert_allclose(native.cells(pixels[:2]), encoder.encode_cells(pixels[:2]), atol=1e-3)
    model = read_native(encoder.manifest, folder)
    every = model.config
    fewer = [dataclasses.replace(every, mirror=False), dataclasses.replace(every, scales=(1.0,))]
    for config in fewer if len(every.scales) > 1 else fewer[:1]:
        model.config = config
        with torch.inference_mode():
            plain = model.encode_image(torch.from_numpy(pixels)).numpy()
        assert (plain * embedded).sum(1).min() < 0.9999


def test_a_discretised_bundle_keeps_ten_crops_as_one_view_and_runs_in_float32(tiny, data, tmp_path):
    folder, *_ = trained(tiny, data, tmp_path, [("pixels.size", 40), *KINDS["fne"]])
    shapes = sorted(
        np.load(path, mmap_mode="r").shape for path in (tmp_path / "cache").glob("features-*.npy")
    )
    assert [shape[:2] for shape in shapes] == [(16, 1), (80, 1)]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["image"]["precision"] == "float32"
    encoder = load_encoder(folder, device="cpu")
    assert encoder.precision == "f32"
    assert TorchRuntime(encoder.manifest, folder, "cpu").precision == "f32"
    assert not torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize("view", [("mirror", True), ("scales", [1.0, 1.25])])
def test_ten_crops_and_further_views_are_refused(tiny, data, tmp_path, view):
    with pytest.raises(ModelConfigError, match="Ten crops are"):
        trained(tiny, data, tmp_path, [*KINDS["cnn"], view])


def test_discretised_features_are_refused_where_the_network_should_learn(tiny, data, tmp_path):
    with pytest.raises(ModelConfigError, match="gradient"):
        trained(tiny, data, tmp_path, [*KINDS["fne"], ("start.tune", "all")])


@pytest.mark.parametrize("kind", ["mean", "gru", "two-branch"])
def test_word_vectors_begin_a_run_and_stay_when_told_to(kind, tiny, tmp_path):
    glove, said = tmp_path / "glove.txt", []
    glove.write_text("red " + " ".join(["0.5"] * 12) + "\nunseen " + " ".join(["1"] * 12) + "\n")
    settings = [("text.kind", kind), ("text.word_dim", 12), ("start.words", str(glove))]
    vocabulary = [*SPECIAL_TOKENS, "blue", "red"]
    for tune in (True, False):
        recipe = recipe_with(tiny, [*settings, ("start.tune_words", tune)])
        model = build_model(recipe, len(vocabulary))
        begin_words(model, recipe, vocabulary, said.append)
        assert model.text.table.weight[5].tolist() == [0.5] * 12
        assert model.text.table.weight.requires_grad == tune
    assert said == ["1 of 2 known words begin with a vector of glove.txt"] * 2


def test_word_vectors_are_trained_along_by_default(tiny, data, tmp_path):
    glove = tmp_path / "glove.txt"
    glove.write_text("red " + " ".join(["0.5"] * 12) + "\n")
    folder, *_ = trained(tiny, data, tmp_path, [("start.words", str(glove))])
    encoder = load_encoder(folder, device="cpu")
    row = read_native(encoder.manifest, folder).text.table.weight[list(encoder.vocabulary()).index("red")]
    assert 0 < (row - 0.5).abs().max() < 0.1
    assert encoder.manifest.training["recipe"]["start"]["words"] == "glove.txt"


def test_word_vectors_and_a_bundle_to_begin_with_exclude_each_other(tiny):
    model = build_model(tiny, 6)
    both = recipe_with(tiny, [("start.bundle", "b.zip"), ("start.words", "glove.txt")])
    with pytest.raises(ModelConfigError, match="exclude"):
        begin_words(model, both, SPECIAL_TOKENS, print)

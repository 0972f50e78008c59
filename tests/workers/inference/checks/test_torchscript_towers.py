"""VSE++ and its kin as torch's scripting and tracing write them: converted in the child, and the vectors kept."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from tests.support.tiny_bundle import VOCABULARY, tiny_manifest, vocabulary_bytes
from tests.support.torch_towers import (
    EncoderImage,
    EncoderText,
    PaddedText,
    SortedByHand,
    l2norm,
    scripted,
    traced,
)
from workers.inference.bundles import bundle_extract, bundle_write
from workers.inference.encoder import load_encoder
from workers.inference.pictures import to_pixels
from workers.inference.texts import TextReader, pad_ids
from workers.inference.validation import ValidationLimits, validate_bundle

DIM = 16
WORDS = len(VOCABULARY)
TEXTS = ["a red pump", "two small old rusty pumps on the ground", "valve", "a blue part with a worn hose"]
TOWERS = {
    "packed, state at the last word": lambda: EncoderText(WORDS, DIM),
    "packed, only in order of length": lambda: EncoderText(WORDS, DIM, enforce=True),
    "packed, last state": lambda: EncoderText(WORDS, DIM, how="states"),
    "both ways, averaged": lambda: EncoderText(WORDS, DIM, bi=True),
    "both ways, mean of all words": lambda: EncoderText(WORDS, DIM, bi=True, how="mean"),
    "both ways, two layers, last states": lambda: EncoderText(WORDS, DIM, bi=True, layers=2, how="states"),
    "words first": lambda: EncoderText(WORDS, DIM, first=False),
    "an LSTM": lambda: EncoderText(WORDS, DIM, kind="LSTM", bi=True),
    "a plain recurrent network": lambda: EncoderText(WORDS, DIM, kind="RNN", how="states"),
    "padded": lambda: PaddedText(WORDS, DIM),
    "padded, words first": lambda: PaddedText(WORDS, DIM, first=False),
    "sorted by hand": lambda: SortedByHand(WORDS, DIM),
}


@pytest.fixture(autouse=True)
def _same_weights():
    torch.manual_seed(0)


def text_example():
    lengths = torch.tensor([7, 5, 2])
    tokens = torch.randint(4, WORDS, (3, 7)) * (torch.arange(7)[None] < lengths[:, None])
    return tokens, lengths


def bundle_of(path, **towers):
    values = tiny_manifest() | {"dim": DIM, "modalities": list(towers)}
    values["payloads"] = {"torchscript": {name: f"{name}.pt" for name in towers}}
    for name in {"image", "text"} - set(towers):
        del values[name]
    files = {f"{name}.pt": content for name, content in towers.items()}
    bundle_write(path, values, files | ({"vocabulary.txt": vocabulary_bytes()} if "text" in towers else {}))
    return path


def vectors_of(module, folder, spec):
    """What the author's own module says of each text, alone."""
    reader = TextReader(spec, folder)
    with torch.inference_mode():
        rows = [pad_ids([reader.encode(text)]) for text in TEXTS]
        return np.concatenate([module.eval()(*map(torch.from_numpy, row)).numpy() for row in rows])


@pytest.mark.parametrize("way", ["scripted", "traced"])
@pytest.mark.parametrize("name", TOWERS)
def test_a_text_tower_keeps_its_vectors_alone_and_in_a_batch(tmp_path, carry_out, name, way):
    module = TOWERS[name]()
    archive = scripted(module) if way == "scripted" else traced(module, *text_example())
    path = bundle_of(tmp_path / "b.zip", text=archive)
    assert carry_out(path, "convert") == {"graphs": ["text.onnx"]}
    graph = next(tmp_path.glob("scratch-*/text.onnx"))
    served = tmp_path / "served.zip"
    values = tiny_manifest() | {
        "dim": DIM,
        "modalities": ["text"],
        "payloads": {"onnx": {"text": "text.onnx"}},
    }
    del values["image"]
    bundle_write(served, values, {"text.onnx": graph, "vocabulary.txt": vocabulary_bytes()})
    assert carry_out(served)["probes"]["text"]["batch_agreement"] > 0.9999
    manifest = bundle_extract(served, tmp_path / "into")
    found = load_encoder(tmp_path / "into", device="cpu").encode_texts(TEXTS)
    cosines = (found * vectors_of(module, tmp_path / "into", manifest.text)).sum(1)
    assert cosines.min() > 0.9999


@pytest.mark.parametrize("way", ["scripted", "traced"])
def test_a_vsepp_of_torchscript_alone_is_validated_in_the_child_and_answers(tmp_path, way):
    image, text = EncoderImage(DIM, use_abs=True), EncoderText(WORDS, DIM, bi=True)
    if way == "scripted":
        towers = {"image": scripted(image), "text": scripted(text)}
    else:
        towers = {"image": traced(image, torch.rand(2, 3, 32, 32)), "text": traced(text, *text_example())}
    path = bundle_of(tmp_path / "b.zip", **towers)
    report = validate_bundle(path, limits=ValidationLimits(seconds=600), converted_to=tmp_path / "new.zip")
    assert report.converted
    assert report.manifest.payloads.kinds == ("onnx",)
    manifest = bundle_extract(report.bundle, tmp_path / "into")
    encoder = load_encoder(tmp_path / "into", device="cpu")
    picture = Image.effect_mandelbrot((64, 48), (-2, -1.5, 1, 1.5), 60).convert("RGB")
    pixels = torch.from_numpy(to_pixels(picture, manifest.image)[None])
    with torch.inference_mode():
        wanted = image.eval()(pixels).numpy()
    assert (encoder.encode_pictures([picture]) * wanted).sum() > 0.9999
    texts = encoder.encode_texts(TEXTS)
    assert (texts * vectors_of(text, tmp_path / "into", manifest.text)).sum(1).min() > 0.9999


class Stepping(nn.Module):
    """Reads its words one by one in a loop."""

    def __init__(self):
        super().__init__()
        self.embed, self.cell = nn.Embedding(WORDS, 16), nn.GRUCell(16, 16)

    def forward(self, tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        state = torch.zeros(tokens.size(0), 16)
        for at in range(tokens.size(1)):
            read = self.cell(self.embed(tokens[:, at]), state)
            state = torch.where((at < lengths).unsqueeze(1), read, state)
        return l2norm(state)


class FixedLengths(EncoderText):
    """Takes its lengths as plain numbers, which tracing writes down as they were in its example."""

    def forward(self, tokens, lengths):
        return super().forward(tokens, torch.tensor(lengths.tolist()))


class Short(PaddedText):
    """Goes another way for a single text."""

    def forward(self, tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        words = self.embed(tokens)
        if tokens.size(0) == 1:
            words = -words
        return l2norm(words.sum(1))


def test_a_loop_over_the_words_is_refused_with_the_reason(tmp_path, refusal):
    error = refusal(bundle_of(tmp_path / "b.zip", text=scripted(Stepping())), "convert")
    assert error.id == "bundle.torchscript_failed"
    assert "a loop whose number of turns depends on its input" in error.detail["reason"]


def test_lengths_that_tracing_wrote_down_are_refused(tmp_path, refusal):
    archive = traced(FixedLengths(WORDS, DIM), *text_example())
    assert refusal(bundle_of(tmp_path / "b.zip", text=archive), "convert").id == "bundle.torchscript_failed"


def test_a_tower_that_goes_another_way_for_one_text_than_for_several_is_refused(tmp_path, refusal):
    error = refusal(bundle_of(tmp_path / "b.zip", text=scripted(Short(WORDS, DIM))), "convert")
    assert error.id == "bundle.payloads_disagree"
    assert error.detail["agreement"] < 0


def test_a_tower_with_other_inputs_is_refused_with_their_number(tmp_path, refusal):
    archive = scripted(nn.Sequential(nn.Embedding(WORDS, DIM)))
    error = refusal(bundle_of(tmp_path / "b.zip", text=archive), "convert")
    assert error.id == "bundle.torchscript_failed"
    assert error.message == (
        "The TorchScript text encoder takes other inputs than tokens and lengths, in this order."
    )

"""Tiny random models of each family, exported in the hub's layouts: their bundles give transformers' own vectors."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from tests.support import published
from tests.support.published_mobile import FOLDER, tiny_mobile_clip, write_mobile_clip
from tests.support.published_tokenizers import TOKENIZERS, siglip2_reference
from workers.hub.download import folder_files
from workers.hub.layouts import layout_files
from workers.inference.bundles import bundle_extract
from workers.inference.checks.probing import Prober
from workers.inference.encoder import load_encoder
from workers.inference.errors import BundleError
from workers.inference.openvino_runtime import Compiler
from workers.inference.probes import probe_pictures
from workers.inference.published.bundle import PublishedAbout, published_bundle
from workers.inference.validation import validate_bundle

FAMILIES = ("clip", "siglip", "siglip2", "chinese_clip")
PADDED = ("siglip", "siglip2")
TEXTS = ["two men are near an old house with no roof", "a DOG in CAFÉ", "Red valve on the grass"]
ABOUT = PublishedAbout("tiny", "Apache-2.0", "A random one.", {"repository": "some/model"})


def tokenizer_of(family):
    """Return the tokeniser that a family is published with, the token that fills texts up, and transformers' own."""
    if family not in TOKENIZERS:
        tokenizer = published.tiny_tokenizer(family)
        return tokenizer, "[PAD]", tokenizer
    make, pad = TOKENIZERS[family]
    return make(), pad, siglip2_reference() if family == "siglip2" else make()


def taken_over(folder, tmp_path, graphs=""):
    """Make the bundle of a folder, validate it, and return its manifest and its encoder."""
    _, names = layout_files(folder_files(folder), folder=graphs)
    path = tmp_path / "tiny.zip"
    published_bundle({part: folder / name for part, name in names.items()}, ABOUT, path)
    report = validate_bundle(path)
    assert all(report.probes[tower]["milliseconds"] > 0 for tower in ("image", "text"))
    bundle_extract(path, tmp_path / "tiny")
    return report.manifest, load_encoder(tmp_path / "tiny", device="cpu")


@pytest.fixture(autouse=True, scope="module")
def _float32():
    """What bf16 may cost on processors that have it is the business of `choose_precision`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Compiler, "has_bf16", False)
        yield


def agree(encoder, model, tokenizer, *, fixed):
    """Return the least cosine of pictures and of texts with transformers' vectors, together and alone."""
    texts = published.reference_texts(model, tokenizer, TEXTS, fixed=fixed)
    return [of_pictures(encoder, published.Vision(model), 0.5), *of_texts(encoder, texts)]


def of_pictures(encoder, vision, middle):
    """Return the least cosine of pictures that are prepared about this middle, by this deviation, where it has one."""
    pictures = [picture.resize((published.SIZE, published.SIZE)) for picture in probe_pictures(3)]
    pixels = np.stack(
        [(np.asarray(picture, np.float32) / 255 - middle) / (middle or 1) for picture in pictures]
    )
    wanted = nn.functional.normalize(vision(torch.tensor(pixels.transpose(0, 3, 1, 2))), dim=-1).numpy()
    return (encoder.encode_pictures(pictures) * wanted).sum(1).min()


def of_texts(encoder, texts):
    """Return the least cosine with the vectors of TEXTS, together and alone."""
    alone = np.concatenate([encoder.encode_texts([text]) for text in TEXTS])
    assert len({tuple(row.round(3)) for row in texts}) == len(TEXTS)
    return [(encoder.encode_texts(TEXTS) * texts).sum(1).min(), (alone * texts).sum(1).min()]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_layout_of_transformers_js_gives_transformers_vectors(family, tmp_path):
    tokenizer, pad, reference = tokenizer_of(family)
    model = published.tiny_model(family, tokenizer.get_vocab_size())
    published.write_transformers(tmp_path / "repository", family, model, tokenizer, pad=pad)
    manifest, encoder = taken_over(tmp_path / "repository", tmp_path)
    fixed = family in PADDED
    assert manifest.text.feed.padding == "fixed" or not fixed
    assert manifest.text.feed.lowercase == (family == "siglip2")
    assert manifest.training["source"] == {"repository": "some/model"}
    assert min(agree(encoder, model, reference, fixed=fixed)) >= 0.9999


@pytest.mark.parametrize("family", ["clip", "siglip", "siglip2"])
def test_the_layout_of_immich_gives_transformers_vectors(family, tmp_path):
    tokenizer, pad, reference = tokenizer_of(family)
    model = published.tiny_model(family, tokenizer.get_vocab_size())
    published.write_open_clip(tmp_path / "repository", family, model, tokenizer, pad=pad)
    manifest, encoder = taken_over(tmp_path / "repository", tmp_path)
    assert manifest.text.feed.padding == "fixed"
    assert manifest.text.max_tokens == published.LENGTH
    assert not manifest.text.feed.lowercase  # what open_clip takes out of texts lowers them already
    assert min(agree(encoder, model, reference, fixed=True)) >= 0.9999


def test_mobile_clip_in_its_folder_gives_its_own_vectors(tmp_path):
    tokenizer, pad, _ = tokenizer_of("mobileclip2")
    images, words = tiny_mobile_clip(tokenizer.get_vocab_size())
    write_mobile_clip(tmp_path / "repository", images, words, tokenizer, pad)
    manifest, encoder = taken_over(tmp_path / "repository", tmp_path, FOLDER)
    assert (manifest.image.crop, manifest.image.interpolation) == ("center", "bilinear")
    assert (manifest.image.mean, manifest.image.std) == ((0, 0, 0), (1, 1, 1))
    with torch.inference_mode():
        vectors = torch.cat([words(torch.tensor([tokenizer.encode(text).ids])) for text in TEXTS])
    texts = nn.functional.normalize(vectors, dim=-1).numpy()
    assert min(of_pictures(encoder, images, 0), *of_texts(encoder, texts)) >= 0.9999


def test_siglip_2_reads_capitals_as_transformers_does(tmp_path):
    """The tokenizer.json that it is published with, Gemma's, leaves capitals as they are."""
    tokenizer, pad, reference = tokenizer_of("siglip2")
    model = published.tiny_model("siglip2", tokenizer.get_vocab_size())
    folder = tmp_path / "repository"
    published.write_transformers(folder, "siglip2", model, tokenizer, pad=pad)
    published.write_weights(folder, model)
    manifest, _ = taken_over(folder, tmp_path)
    assert (manifest.references, manifest.payloads.kinds) == ("references.json", ("onnx", "native"))
    spec = manifest.text
    for wrong in ({"lowercase": False}, {"pad": 3}):
        told = replace(spec, feed=replace(spec.feed, **wrong))
        with pytest.raises(BundleError, match="reference text") as error:
            Prober(manifest, tmp_path / "tiny", 1).text(told)
        assert error.value.id == "bundle.references_disagree"
    shutil.rmtree(tmp_path / "tiny")
    (folder / "tokenizer.json").write_text(reference.to_str())  # one that lowers them itself is lowered once
    manifest, _ = taken_over(folder, tmp_path)
    assert not manifest.text.feed.lowercase
    as_written = published.reference_texts(model, tokenizer, TEXTS, fixed=True)
    wanted = published.reference_texts(model, reference, TEXTS, fixed=True)
    assert (as_written * wanted).sum(1).min() < 0.999


def test_padding_changes_vectors_of_a_model_that_was_trained_so(tmp_path):
    tokenizer = published.tiny_tokenizer("siglip")
    model = published.tiny_model("siglip", tokenizer.get_vocab_size())
    short, padded = (
        published.reference_texts(model, tokenizer, TEXTS, fixed=fixed) for fixed in (False, True)
    )
    assert (short * padded).sum(1).max() < 0.999


def test_what_open_clip_takes_out_of_texts_is_taken_out_here(tmp_path):
    tokenizer = published.tiny_tokenizer("siglip")
    model = published.tiny_model("siglip", tokenizer.get_vocab_size())
    published.write_open_clip(tmp_path / "repository", "siglip", model, tokenizer)
    _, encoder = taken_over(tmp_path / "repository", tmp_path)
    plain, written = encoder.encode_texts(["a red pump", "A  red,\npump!"])
    assert float(plain @ written) >= 0.9999


def test_a_repository_that_cannot_be_understood_is_refused_with_a_sentence(tmp_path):
    tokenizer = published.tiny_tokenizer("clip")
    model = published.tiny_model("clip", tokenizer.get_vocab_size())
    folder = tmp_path / "repository"
    published.write_transformers(folder, "clip", model, tokenizer)
    _, names = layout_files(folder_files(folder))
    parts = {part: folder / name for part, name in names.items()}
    for name, content, expected in (
        ("preprocessor_config.json", b'{"size": {"height": 32, "width": 24}}', "not square"),
        ("preprocessor_config.json", b"[]", "no JSON object"),
        ("onnx/text_model.onnx", b"\x80\x04pickle", "no ONNX model"),
    ):
        before = (folder / name).read_bytes()
        (folder / name).write_bytes(content)
        with pytest.raises(BundleError) as error:
            published_bundle(parts, ABOUT, tmp_path / "no.zip")
        (folder / name).write_bytes(before)
        assert error.value.id == "hub.cannot_convert"
        assert expected in error.value.message
        assert not (tmp_path / "no.zip").exists()

"""Tiny random models of each family, exported in the hub's layouts: their bundles give transformers' own vectors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from tests.support import published
from workers.hub.download import folder_files
from workers.hub.layouts import layout_files
from workers.inference.bundles import bundle_extract
from workers.inference.encoder import load_encoder
from workers.inference.errors import BundleError
from workers.inference.probes import probe_pictures
from workers.inference.published.bundle import PublishedAbout, published_bundle
from workers.inference.validation import validate_bundle

FAMILIES = ("clip", "siglip", "chinese_clip")
TEXTS = ["two men are near an old house with no roof", "a dog", "red valve on the grass"]
ABOUT = PublishedAbout("tiny", "Apache-2.0", "A random one.", {"repository": "some/model"})


def model_of(family):
    tokenizer = published.tiny_tokenizer(family)
    return published.tiny_model(family, tokenizer.get_vocab_size()), tokenizer


def taken_over(folder, tmp_path):
    """Make the bundle of a folder, validate it, and return its manifest and its encoder."""
    _, names = layout_files(folder_files(folder))
    path = tmp_path / "tiny.zip"
    published_bundle({part: folder / name for part, name in names.items()}, ABOUT, path)
    report = validate_bundle(path)
    assert all(report.probes[tower]["milliseconds"] > 0 for tower in ("image", "text"))
    bundle_extract(path, tmp_path / "tiny")
    return report.manifest, load_encoder(tmp_path / "tiny", device="cpu")


def agree(encoder, model, tokenizer, *, fixed):
    """Return the least cosine of pictures and of texts with transformers' vectors, together and alone."""
    pictures = [picture.resize((published.SIZE, published.SIZE)) for picture in probe_pictures(3)]
    pixels = np.stack([(np.asarray(picture, np.float32) / 255 - 0.5) / 0.5 for picture in pictures])
    wanted = nn.functional.normalize(
        published.Vision(model)(torch.tensor(pixels.transpose(0, 3, 1, 2))), dim=-1
    ).numpy()
    texts = published.reference_texts(model, tokenizer, TEXTS, fixed=fixed)
    alone = np.concatenate([encoder.encode_texts([text]) for text in TEXTS])
    assert len({tuple(row.round(3)) for row in texts}) == len(TEXTS)
    return [
        (encoder.encode_pictures(pictures) * wanted).sum(1).min(),
        (encoder.encode_texts(TEXTS) * texts).sum(1).min(),
        (alone * texts).sum(1).min(),
    ]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_layout_of_transformers_js_gives_transformers_vectors(family, tmp_path):
    model, tokenizer = model_of(family)
    published.write_transformers(tmp_path / "repository", family, model, tokenizer)
    manifest, encoder = taken_over(tmp_path / "repository", tmp_path)
    fixed = family == "siglip"
    assert manifest.text.feed.padding == "fixed" or not fixed
    assert manifest.training["source"] == {"repository": "some/model"}
    assert min(agree(encoder, model, tokenizer, fixed=fixed)) >= 0.9999


@pytest.mark.parametrize("family", ["clip", "siglip"])
def test_the_layout_of_immich_gives_transformers_vectors(family, tmp_path):
    model, tokenizer = model_of(family)
    published.write_open_clip(tmp_path / "repository", family, model, tokenizer)
    manifest, encoder = taken_over(tmp_path / "repository", tmp_path)
    assert manifest.text.feed.padding == "fixed"
    assert manifest.text.max_tokens == published.LENGTH
    assert min(agree(encoder, model, tokenizer, fixed=True)) >= 0.9999


def test_padding_changes_vectors_of_a_model_that_was_trained_so(tmp_path):
    model, tokenizer = model_of("siglip")
    short, padded = (
        published.reference_texts(model, tokenizer, TEXTS, fixed=fixed) for fixed in (False, True)
    )
    assert (short * padded).sum(1).max() < 0.999


def test_what_open_clip_takes_out_of_texts_is_taken_out_here(tmp_path):
    model, tokenizer = model_of("siglip")
    published.write_open_clip(tmp_path / "repository", "siglip", model, tokenizer)
    _, encoder = taken_over(tmp_path / "repository", tmp_path)
    plain, written = encoder.encode_texts(["a red pump", "A  red,\npump!"])
    assert float(plain @ written) >= 0.9999


def test_a_repository_that_cannot_be_understood_is_refused_with_a_sentence(tmp_path):
    model, tokenizer = model_of("clip")
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

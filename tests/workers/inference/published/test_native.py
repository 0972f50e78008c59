"""Native weights beside ready-made graphs: kept where they are the same model, left out with a reason where not."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from tests.support import published
from workers.hub.download import folder_files
from workers.hub.layouts import layout_files
from workers.inference.bundles import BundleLimits, bundle_extract
from workers.inference.checks import native
from workers.inference.checks.probing import Prober
from workers.inference.encoder import BundleEncoder, load_encoder
from workers.inference.errors import BundleError
from workers.inference.guard import ValidationLimits
from workers.inference.probes import probe_pictures
from workers.inference.published import bundle as published_bundles
from workers.inference.published.bundle import PublishedAbout, published_bundle
from workers.inference.published.convert import convert
from workers.inference.torch_runtime import TorchRuntime

TEXTS = ["two men are near an old house with no roof", "a dog", "red valve on the grass"]


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch):
    """Take models over here: a walled child would import torch for each, and the walls are tested elsewhere."""
    monkeypatch.setattr(
        published_bundles, "run_guarded", lambda task, path, scratch, limits, say: convert(scratch, 1, say)
    )


@pytest.fixture(scope="module", params=["clip", "siglip", "chinese_clip"])
def repository(request, tmp_path_factory):
    """The folder of a tiny random model in the layout of transformers.js, with its weights."""
    folder, family = tmp_path_factory.mktemp(request.param), request.param
    tokenizer = published.tiny_tokenizer(family)
    model = published.tiny_model(family, tokenizer.get_vocab_size())
    published.write_transformers(folder, family, model, tokenizer)
    published.write_weights(folder, model)
    return folder


def taken_over(folder, path, **limits):
    _, names = layout_files(folder_files(folder))
    parts = {part: folder / name for part, name in names.items()}
    return published_bundle(
        parts, PublishedAbout("tiny", "MIT"), path, limits=ValidationLimits(bundle=BundleLimits(**limits))
    )


def test_torch_serves_the_vectors_of_the_graphs(repository, tmp_path):
    manifest = taken_over(repository, tmp_path / "b.zip")
    assert manifest.payloads.kinds == ("onnx", "native")
    folder = tmp_path / "bundle"
    bundle_extract(tmp_path / "b.zip", folder)
    native.check_native(manifest.payloads.native, folder)
    by_graphs = load_encoder(folder, device="cpu")
    by_torch = BundleEncoder(manifest, folder, TorchRuntime(manifest, folder, device="cpu"))
    for encode, given in (("encode_pictures", probe_pictures(3)), ("encode_texts", TEXTS)):
        ours, theirs = (getattr(encoder, encode)(given) for encoder in (by_torch, by_graphs))
        assert (ours * theirs).sum(1).min() > 0.999
        assert (ours @ ours.T)[~np.eye(3, dtype=bool)].max() < 0.9999


def test_references_that_the_weights_give_show_another_preparation(repository, tmp_path):
    manifest = taken_over(repository, tmp_path / "b.zip")
    folder = tmp_path / "bundle"
    bundle_extract(tmp_path / "b.zip", folder)
    prober, image = Prober(manifest, folder, 1), manifest.image
    assert prober.image(image)[1]["references_agreement"] > 0.9999
    assert prober.text(manifest.text)[1]["references_agreement"] > 0.9999
    for wrong in ({"mean": (0.0, 0.0, 0.0)}, {"interpolation": "bilinear"}, {"crop": "center"}):
        with pytest.raises(BundleError, match="reference picture"):
            prober.image(replace(image, **wrong))


def test_what_does_not_fit_is_left_out_and_the_model_is_taken_over_all_the_same(repository, tmp_path):
    weights, config = repository / "model.safetensors", repository / "config.json"
    kept = {file: file.read_bytes() for file in (weights, config)}
    state = load_file(weights)
    other = {
        name: value.flip(0) if "projection" in name or "head" in name else value
        for name, value in state.items()
    }
    spoilt = (
        (lambda: save_file(other, weights), "other vectors than the graphs"),
        (lambda: weights.write_bytes(b"\x80\x04pickle"), "rror"),
        (lambda: config.write_text(json.dumps({"model_type": "blip"})), "Native weights are known for"),
    )
    for spoil, reason in spoilt:
        spoil()
        manifest = taken_over(repository, tmp_path / "b.zip")
        for file, content in kept.items():
            file.write_bytes(content)
        assert manifest.payloads.kinds == ("onnx",)
        assert manifest.references is None
        assert reason in manifest.training["native_left_out"]
    small = sum(file.stat().st_size for file in (repository / "onnx").iterdir()) + 10_000
    manifest = taken_over(repository, tmp_path / "b.zip", archive_bytes=small)
    assert "larger than is allowed" in manifest.training["native_left_out"]
    assert manifest.references == "references.json"  # what the weights gave is small


def test_without_the_libraries_a_model_is_taken_over_without_its_weights(repository, tmp_path, monkeypatch):
    monkeypatch.setattr("workers.inference.published.native.missing_libraries", lambda: ["torch"])
    assert taken_over(repository, tmp_path / "b.zip").training["native_left_out"] == "torch is not installed"

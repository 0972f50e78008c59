"""Fine-tuning a version with native weights: tiny random CLIP and SigLIP on coloured shapes."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from tests.support import published
from tests.support.tiny_bundle import make_tiny_bundle
from workers.inference.bundles import bundle_extract, bundle_write, read_manifest
from workers.inference.checks.native import check_agreement, check_native
from workers.inference.checks.probing import Prober
from workers.neural.errors import ModelConfigError
from workers.neural.native import native_config, native_weights
from workers.neural.published import published_config, published_model
from workers.training.errors import TrainingError
from workers.training.evaluate import evaluated
from workers.training.recipe import recipe_with
from workers.training.recipes.catalogue import recipe_named
from workers.training.run_folder import RunFolder
from workers.training.train import TrainOptions, train

COLOURS = ["red", "green", "blue", "yellow", "disc", "square", "grey"]
WORDS = [*COLOURS, "a", "there", "is", "in", "it", "lies", "on", "the", "looks", ".", "!"]


@pytest.fixture(scope="module", params=["clip", "siglip"])
def base(request, tmp_path_factory):
    """The bundle of a tiny random model: its native weights alone, which is what training goes on from."""
    family, folder = request.param, tmp_path_factory.mktemp(request.param)
    tokenizer = published.tiny_tokenizer(family, WORDS)
    theirs = published.tiny_model(family, tokenizer.get_vocab_size())
    model = published_model(published_config(theirs.config.to_dict(), 0), theirs.state_dict())
    half = {"mean": [0.5] * 3, "std": [0.5] * 3}
    crop = "center" if family == "clip" else "squash"
    image = {"resize": 32, "size": 32, "crop": crop, "interpolation": "bicubic", **half}
    feed = {"inputs": ["input_ids"], "padding": "fixed", "pad": 0}
    manifest = {
        "format": 1, "name": "tiny", "licence": "MIT", "dim": model.config.embedding_dim, "similarity": "cosine",
        "modalities": ["image", "text"], "image": image,
        "text": {"tokenizer": "tokenizers", "vocabulary": "in/tokenizer.json", "max_tokens": 16, "feed": feed},
        "payloads": {"native": {"config": "own.json", "weights": "own.safetensors"}},
    }  # fmt: skip
    files = {
        "own.json": json.dumps(native_config(model)).encode(),
        "own.safetensors": native_weights(model, half=False),
        "in/tokenizer.json": tokenizer.to_str().encode(),
    }
    bundle_write(folder / "tiny.zip", manifest, files)
    return folder / "tiny.zip"


def options(base, data, folder, name="finetune-heads", **settings):
    asked = {"start.bundle": str(base), "data.batch": 16, "run.epochs": 6, "optimiser.lr": 0.01} | settings
    recipe = recipe_with(recipe_named(name), asked.items())
    return TrainOptions(recipe, data, folder / "run", folder / "cache", say=lambda line: None)


def weights(path):
    return torch.load(path, weights_only=True)["state_dict"]


def test_heads_learn_what_a_frozen_model_did_not_know(base, data, tmp_path):
    said = []
    asked = replace(options(base, data, tmp_path), say=said.append, bundle=tmp_path / "next.zip")
    quality = train(asked)
    run = RunFolder(asked.out)
    before = json.loads(run.base.read_text())["sum_of_recalls"]
    assert quality.sum_of_recalls > before + 30
    assert any(line.startswith("against the version before: sum of recalls +") for line in said)
    manifest = bundle_extract(tmp_path / "next.zip", tmp_path / "next")
    bundle_extract(base, tmp_path / "base")
    new, old = (load_file(tmp_path / place) for place in ("next/native.safetensors", "base/own.safetensors"))
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    assert changed <= {"image.linear.weight", "text.project.weight", "text.project.bias"}
    assert "image.linear.weight" in changed
    check_a_bundle_as_any_other(manifest, tmp_path / "next", before)


def check_a_bundle_as_any_other(manifest, folder, before):
    """Graphs and native weights that agree, and what the model needs to know of pictures and texts."""
    assert manifest.payloads.kinds == ("onnx", "native")
    assert manifest.image.interpolation == "bicubic"
    assert manifest.text.feed.inputs == ("tokens", "lengths")
    assert manifest.metrics["base"]["sum_of_recalls"] == before
    check_native(manifest.payloads.native, folder)
    prober = Prober(manifest, folder, 1)
    vectors = {tower: getattr(prober, tower)(getattr(manifest, tower))[0] for tower in ("image", "text")}
    assert min(check_agreement(manifest, folder, vectors).values()) > 0.999


def test_the_last_blocks_are_trained_and_nothing_before_them(base, data, tmp_path):
    settings = {"start.tune_blocks": 1, "start.tune_sentence": 1, "start.head_epochs": 0, "run.epochs": 1}
    asked = options(base, data, tmp_path, "finetune-blocks", **settings | {"start.lr_factor": 1.0})
    train(asked)
    bundle_extract(base, tmp_path / "base")
    old, new = load_file(tmp_path / "base/own.safetensors"), weights(asked.out / "checkpoints/best.ckpt")
    changed = {name for name, value in old.items() if not torch.equal(value, new[f"model.{name}"])}
    assert any("image.trunk.network.encoder.layers.1." in name for name in changed)
    assert any("text.pretrained.network.encoder.layers.1." in name for name in changed)
    assert not any("layers.0." in name or "embeddings" in name for name in changed)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("finetune-blocks", {"start.tune_blocks": 1, "start.tune_sentence": 1, "start.lr_factor": 1.0}),
        ("finetune-lora", {"start.lora_rank": 2}),
    ],
)
def test_neither_network_learns_before_the_heads_have(base, data, tmp_path, name, settings):
    found = {}
    for epochs in (1, 2):
        asked = options(
            base, data, tmp_path / str(epochs), name,
            **settings | {"start.head_epochs": 1, "run.epochs": epochs, "run.start_epochs": 0},
        )  # fmt: skip
        train(asked)
        found[epochs] = weights(asked.out / "checkpoints/last.ckpt")
    old = load_file(bundle_extracted(base, tmp_path) / "own.safetensors")
    kept = {key: value for key, value in found[1].items() if key.endswith(".up")}
    networks = [key for key in old if ".trunk." in key or ".pretrained." in key]
    kept |= {key: found[1][f"model.{key}"] - old[key] for key in networks if f"model.{key}" in found[1]}
    assert kept
    assert not any(value.any() for value in kept.values())
    learnt = {
        key for key, value in found[2].items() if key in found[1] and not torch.equal(value, found[1][key])
    }
    for tower in (".trunk.", ".pretrained."):
        assert any(tower in key for key in learnt)


def bundle_extracted(bundle, folder):
    bundle_extract(bundle, folder / "base")
    return folder / "base"


def test_low_rank_learning_is_multiplied_into_the_weights(base, data, tmp_path, monkeypatch):
    settings = {"start.head_epochs": 0, "start.lora_rank": 2, "run.epochs": 1}
    asked = options(base, data, tmp_path, "finetune-lora", **settings)
    kept = {}
    keep = lambda model, *_: kept.update(model.state_dict())  # noqa: E731
    monkeypatch.setattr("workers.training.train.export_bundle", keep)
    monkeypatch.setattr("workers.training.train._is_better", lambda *_: True)
    monkeypatch.setattr("workers.training.train._say_bundle", lambda *_: None)
    train(replace(asked, bundle=tmp_path / "next.zip"))
    bundle_extract(base, tmp_path / "base")
    old = load_file(tmp_path / "base/own.safetensors")
    assert set(kept) == set(old)
    frozen = {name for name in old if "trunk" in name or "pretrained" in name}
    changed = {name for name in frozen if not torch.equal(old[name], kept[name])}
    assert changed == {name for name in frozen if name.endswith(("q_proj.weight", "v_proj.weight"))}


@pytest.mark.parametrize(
    ("settings", "error", "reason"),
    [
        ({"start.bundle": ""}, ModelConfigError, "set start.bundle"),
        ({"start.bundle": "nowhere.zip"}, TrainingError, "no bundle"),
        ({"data.join": 2}, ModelConfigError, "vocabularies of our own"),
        ({"start.tune": "all", "start.tune_blocks": 9}, ModelConfigError, "has 2 blocks"),
        ({"start.tune_blocks": 1}, ModelConfigError, "start.tune=all"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(base, data, tmp_path, settings, error, reason):
    with pytest.raises(error, match=reason):
        train(options(base, data, tmp_path, **settings))


def test_a_version_without_native_weights_gets_heads_as_an_adapter(data, tmp_path):
    base = make_tiny_bundle(tmp_path / "tiny.zip")
    asked = replace(
        options(base, data, tmp_path, **{"run.epochs": 30, "run.patience": 0, "optimiser.lr": 0.003}),
        bundle=tmp_path / "next.zip",
    )
    quality = train(asked)
    before = json.loads(RunFolder(asked.out).base.read_text())["sum_of_recalls"]
    assert quality.sum_of_recalls > before + 10
    manifest, old = read_manifest(tmp_path / "next.zip"), read_manifest(base)
    assert manifest.adapter.image == "adapter/image.npy"
    assert manifest.files["image.onnx"] == old.files["image.onnx"]
    assert manifest.metrics["base"]["sum_of_recalls"] == before
    served = evaluated(tmp_path / "next.zip", data.splits()[1], lambda *_: None, "cpu").ranks.quality()
    assert served.sum_of_recalls == pytest.approx(quality.sum_of_recalls, abs=1.0)
    for bundle, recipe, reason in (
        (base, "blocks", "take finetune-heads"),
        (tmp_path / "next.zip", "heads", "anew"),
    ):
        with pytest.raises(TrainingError, match=reason):
            train(options(bundle, data, tmp_path / recipe, f"finetune-{recipe}"))


def test_a_model_that_learns_nothing_leaves_no_bundle(data, tmp_path):
    base, said = make_tiny_bundle(tmp_path / "tiny.zip"), []
    asked = options(base, data, tmp_path, **{"optimiser.lr": 0.0, "run.epochs": 2})
    train(replace(asked, bundle=tmp_path / "next.zip", say=said.append))
    assert not (tmp_path / "next.zip").exists()
    assert any("no bundle is written" in line for line in said)

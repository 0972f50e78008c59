"""The committed table is whole, and each layout is recognised by its files."""

from __future__ import annotations

import tomllib

import pytest

from workers.hub.catalogue import FAMILIES, NONE_KNOWN, TABLE, catalogue, model_of
from workers.hub.errors import HubError
from workers.hub.layouts import VARIANTS, layout_files

TABLE_OF = tomllib.loads(TABLE.read_text(encoding="utf-8"))
OPEN_CLIP = [
    "config.json",
    "visual/model.onnx",
    "visual/preprocess_cfg.json",
    "textual/model.onnx",
    "textual/tokenizer.json",
]
TRANSFORMERS = [
    "config.json", "tokenizer.json", "tokenizer_config.json", "preprocessor_config.json", "onnx/vision_model.onnx",
    "onnx/text_model.onnx", "onnx/text_model_fp16.onnx", "onnx/vision_model_fp16.onnx", "onnx/text_model.onnx_data",
]  # fmt: skip


@pytest.mark.parametrize("model", catalogue().values(), ids=lambda model: model.name)
def test_every_row_says_what_a_person_wants_to_know(model):
    assert model.title
    assert model.good_for
    assert model.languages
    assert model.licence
    assert model.licence_url.startswith("https://")
    assert 2 <= model.dim <= 4000
    assert 10 <= model.megabytes <= 6000
    assert model.variant in VARIANTS
    assert model.is_pinned or model.revision == "main"
    assert TABLE_OF[model.name]["quality"] == NONE_KNOWN or model.quality
    assert all(0 < quality.value < 100 and quality.source.startswith("https://") for quality in model.quality)


def test_every_family_is_there_and_research_licences_are_marked():
    models = catalogue().values()
    assert {model.family for model in models} == set(FAMILIES)
    assert all(not model.commercial for model in models if "Apple" in model.licence)
    assert any(not model.commercial for model in models)


def test_a_row_says_its_quality_or_that_none_is_known():
    row = {key: value for key, value in TABLE_OF["clip-vit-b-32"].items() if key != "quality"}
    assert model_of("mine", row | {"quality": NONE_KNOWN}).quality == ()
    for missing in (row, row | {"quality": []}, row | {"quality": "good"}):
        with pytest.raises(ValueError, match="no quality"):
            model_of("mine", missing)


def test_each_layout_is_known_by_its_files():
    name, files = layout_files([*OPEN_CLIP, "textual/rknpu/model.rknn"])
    assert (name, files["image"], files["preprocessor"]) == (
        "open_clip",
        "visual/model.onnx",
        "visual/preprocess_cfg.json",
    )
    name, files = layout_files(TRANSFORMERS)
    assert name == "transformers"
    assert files["text"] == "onnx/text_model.onnx"
    assert files["text_data"] == "onnx/text_model.onnx_data"
    assert layout_files(TRANSFORMERS, variant="fp16")[1]["text"] == "onnx/text_model_fp16.onnx"


def test_a_model_of_one_graph_and_one_in_a_folder_are_known_too():
    both = ["onnx/model.onnx", "tokenizer.json", "preprocessor_config.json", "config.json"]
    assert layout_files(both)[1]["both"] == "onnx/model.onnx"
    inside = [
        "onnx/s0/vision_model.onnx",
        "onnx/s0/text_model.onnx",
        "onnx/s0/preprocessor_config.json",
        "tokenizer.json",
    ]
    files = layout_files(inside, folder="onnx/s0")[1]
    assert (files["image"], files["tokenizer"]) == ("onnx/s0/vision_model.onnx", "tokenizer.json")


def test_weights_without_graphs_are_no_layout():
    with pytest.raises(HubError) as error:
        layout_files(["config.json", "pytorch_model.bin", "model.safetensors", "tokenizer.json"])
    assert error.value.id == "hub.unknown_layout"


def test_weights_are_taken_along_where_a_folder_has_them_with_their_config():
    assert "weights_config" not in layout_files(TRANSFORMERS)[1]
    files = layout_files([*TRANSFORMERS, "model.safetensors", "pytorch_model.bin"])[1]
    assert (files["weights"], files["weights_config"]) == ("model.safetensors", "config.json")
    native = ["native/model.safetensors", "native/config.json"]
    for names in ([*OPEN_CLIP, *native], [*TRANSFORMERS, "model.safetensors", *native]):
        files = layout_files(names)[1]
        assert [files["weights"], files["weights_config"]] == native

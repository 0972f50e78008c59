"""A manifest is read strictly: whatever is wrong is refused by its key."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tiny_bundle import tiny_manifest
from workers.inference.errors import BundleError
from workers.inference.manifest import Manifest, parse_manifest
from workers.inference.reading import read_json
from workers.inference.text_feed import TextFeed

ENTRY = {"sha256": "0" * 64, "bytes": 3}


def valid():
    names = ("image.onnx", "text.onnx", "vocabulary.txt")
    return tiny_manifest() | {"files": {name: dict(ENTRY) for name in names}}


def changed(path, value):
    values = copy.deepcopy(valid())
    *parents, last = path.split(".")
    inner = values
    for name in parents:
        inner = inner[name]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return values


def refused_key(values):
    with pytest.raises(BundleError) as caught:
        parse_manifest(values)
    assert caught.value.id == "bundle.manifest_invalid"
    assert caught.value.message.endswith(".")
    return caught.value.detail["key"]


def test_a_valid_manifest_survives_the_way_to_json_and_back():
    manifest = parse_manifest(
        valid()
        | {"training": {"epochs": 3, "any": [None, {"thing": 1, "none": None}]}, "metrics": {"r1": 0.2}}
    )
    assert isinstance(manifest, Manifest)
    assert parse_manifest(json.loads(json.dumps(manifest.to_json()))) == manifest


def test_defaults_are_an_empty_description_and_no_metrics():
    values = valid()
    del values["description"]
    manifest = parse_manifest(values)
    assert (manifest.description, manifest.metrics, manifest.training) == ("", {}, {})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("format", ...),
        ("format", True),
        ("format", "1"),
        ("format", 2),
        ("name", ...),
        ("name", "a@b"),
        ("name", ""),
        ("name", "../up"),
        ("licence", 5),
        ("dim", "32"),
        ("dim", 0),
        ("dim", True),
        ("dim", 5000),
        ("dim", 32.0),
        ("similarity", "euclid"),
        ("similarity", []),
        ("units", "page"),
        ("units", ["passage"]),
        ("units", ["page", "page"]),
        ("units", [["page"]]),
        ("modalities", []),
        ("modalities", ["image", "image"]),
        ("modalities", ["sound"]),
        ("modalities", "image"),
        ("modalities", [["image"]]),
        ("image", ...),
        ("image", None),
        ("image.resize", 0),
        ("image.size", 33),
        ("image.crop", "middle"),
        ("image.interpolation", "nearest"),
        ("image.mean", [0, 0]),
        ("image.mean", [0, 0, "0"]),
        ("image.mean", [0, 0, True]),
        ("image.mean", [0, 0, 10**400]),
        ("image.std", [1, 0, 1]),
        ("image.colour", "bgr"),
        ("text.tokenizer", "split"),
        ("text.max_tokens", 2),
        ("text.vocabulary", "words.txt"),
        ("text.tokenizer", "tokenizers"),
        ("text.feed", {"inputs": ["tokens", "lengths"], "pad": 0}),
        ("payloads", {}),
        ("payloads.pickle", {}),
        ("payloads.onnx.text", ...),
        ("payloads.onnx.image", None),
        ("payloads.onnx.image", "other.onnx"),
        ("payloads.native", {"config": "native.json"}),
        ("files", []),
        ("files.text.onnx", ...),
        ("extra", 1),
        ("training", []),
    ],
)
def test_a_wrong_value_is_refused_by_its_key(path, value):
    if path.startswith("files."):
        values = valid()
        del values["files"][path.removeprefix("files.")]
        assert refused_key(values) == "payloads.onnx.text"
        return
    key = refused_key(changed(path, value))
    related = {
        "payloads.native": "payloads.native.weights",
        "text.tokenizer": key,
        "image.mean": "image.mean",
    }
    assert key == related.get(path, path)


FEED = {
    "inputs": ["input_ids", "attention_mask"],
    "integers": "int32",
    "padding": "fixed",
    "pad": 1,
    "lowercase": True,
}


def test_a_feed_is_read_and_written_for_the_tokenizer_that_has_one():
    values = valid()
    values["text"] |= {"tokenizer": "tokenizers", "feed": FEED}
    manifest = parse_manifest(values)
    assert manifest.text.feed == TextFeed(
        ("input_ids", "attention_mask"), "int32", "fixed", 1, lowercase=True
    )
    assert parse_manifest(manifest.to_json()) == manifest


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("inputs", ...),
        ("inputs", []),
        ("inputs", ["attention_mask"]),
        ("inputs", ["tokens", "text"]),
        ("inputs", ["tokens", "tokens"]),
        ("inputs", ["tokens", "pixels"]),
        ("inputs", "tokens"),
        ("integers", "uint8"),
        ("padding", "left"),
        ("pad", ...),
        ("pad", -1),
        ("pad", 1 << 20),
        ("lowercase", 1),
        ("truncation", True),
    ],
)
def test_a_wrong_feed_is_refused_by_its_key(key, value):
    values = valid()
    feed = {name: one for name, one in (FEED | {key: value}).items() if one is not ...}
    values["text"] |= {"tokenizer": "tokenizers", "feed": feed}
    assert refused_key(values) == f"text.feed.{key}"


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "a/b/c", "a\\b", ".hidden", "", "manifest.json", "a/../b", "ü"]
)
def test_unsafe_file_names_are_refused(name):
    values = valid()
    values["files"][name] = dict(ENTRY)
    assert refused_key(values) == f"files.{name}"


@pytest.mark.parametrize(
    "entry", [{"bytes": 1}, {"sha256": "0" * 63, "bytes": 1}, {"sha256": "0" * 64, "bytes": -1}]
)
def test_a_wrong_file_entry_is_refused(entry):
    values = valid()
    values["files"]["image.onnx"] = entry
    assert refused_key(values).startswith("files.image.onnx")


def test_a_later_format_is_refused_with_both_numbers():
    with pytest.raises(BundleError) as caught:
        parse_manifest(valid() | {"format": 7, "new_thing": 1})
    assert caught.value.detail == {"key": "format", "found": 7, "supported": 1}


def test_settings_of_a_modality_that_is_not_named_are_refused():
    values = valid() | {"modalities": ["text"]}
    assert refused_key(values) == "image"


def test_units_survive_the_way_to_json_and_back_and_stand_there_only_where_there_are_some():
    manifest = parse_manifest(valid() | {"units": ["page"]})
    assert manifest.units == ("page",)
    assert parse_manifest(json.loads(json.dumps(manifest.to_json()))) == manifest
    assert "units" not in parse_manifest(valid()).to_json()


def test_pages_are_refused_for_a_model_that_takes_no_pictures():
    values = valid() | {
        "modalities": ["text"],
        "units": ["page"],
        "payloads": {"onnx": {"text": "text.onnx"}},
    }
    del values["image"]
    assert refused_key(values) == "units"


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"a": NaN}', '{"a": 1, "a": 2}', "[" * 100_000, '"x"', "{1:2}"]
)
def test_json_that_is_no_plain_object_is_refused(text):
    with pytest.raises(BundleError) as caught:
        read_json(text.encode())
    assert caught.value.id == "bundle.manifest_invalid"


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@given(key=st.sampled_from(sorted(valid())), value=plain)
def test_any_value_anywhere_gives_a_manifest_or_a_bundle_error(key, value):
    try:
        parse_manifest(valid() | {key: value})
    except BundleError as refused:
        error = refused
    else:
        return
    assert error.detail["key"].split(".")[0] in {*valid(), "payloads", "text"}


def test_a_manifest_that_is_nested_too_deeply_never_reaches_a_parser(monkeypatch):
    monkeypatch.setattr(json, "loads", lambda *_, **__: pytest.fail("it was parsed"))
    with pytest.raises(BundleError, match="nested more than 32 levels") as caught:
        read_json(b'{"training":' + b"[" * 32 + b"]" * 32 + b"}")
    assert caught.value.id == "bundle.manifest_invalid"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_manifest_may_have_any_encoding_of_json(encoding):
    text = json.dumps(valid(), ensure_ascii=False).encode(encoding)
    assert parse_manifest(read_json(text)) == parse_manifest(valid())

"""A bundle's references: what the original gives is compared, and a preparation that is not its own is refused."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from tests.support.tiny_bundle import make_tiny_bundle
from workers.inference.bundles import bundle_extract, bundle_write, read_manifest
from workers.inference.checks.probing import Prober
from workers.inference.encoder import load_encoder
from workers.inference.errors import BundleError
from workers.inference.manifest import parse_manifest
from workers.inference.openvino_runtime import Compiler
from workers.inference.references import (
    EACH_MAX,
    FILE,
    FILE_MAX_BYTES,
    read_references,
    reference_picture,
    references_json,
)
from workers.inference.validation import validate_bundle

TEXTS = ("a red pump", "the rusty valve on the ground")
SEEDS = (1, 2)
DIGEST = "9bb40be227b261f59c85ad0e5d17e0a270d4d9ae2707bab9c12527b6987cc413"
"""Of the first seed's points."""


@pytest.fixture(autouse=True, scope="module")
def _float32():
    """What bf16 may cost on processors that have it is the business of `choose_precision`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Compiler, "has_bf16", False)
        yield


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The folder of a small bundle without references, and what its encoders give for a few."""
    room = tmp_path_factory.mktemp("references")
    bundle_extract(make_tiny_bundle(room / "tiny.zip"), room / "tiny")
    encoder = load_encoder(room / "tiny", device="cpu")
    texts = dict(zip(TEXTS, encoder.encode_texts(list(TEXTS)), strict=True))
    pictures = encoder.encode_pictures([reference_picture(seed) for seed in SEEDS])
    return room / "tiny", references_json(texts, dict(zip(SEEDS, pictures, strict=True)))


def written(plain, path, references, **changed):
    """Write the small bundle with this file of references, and with other settings of its encoders."""
    folder = plain[0]
    manifest = replace(read_manifest(folder), references=FILE, **changed)
    files = {name: folder / name for name in manifest.files}
    bundle_write(path, manifest, files | {FILE: references})
    return path


def test_what_agrees_is_reported_and_what_does_not_is_refused_with_where_to_look(plain, tmp_path):
    report = validate_bundle(written(plain, tmp_path / "b.zip", plain[1]))
    assert report.manifest.references == FILE
    assert min(report.probes[tower]["references_agreement"] for tower in ("image", "text")) > 0.9999
    image = replace(report.manifest.image, crop="squash", std=(0.5, 1.0, 1.0))
    with pytest.raises(BundleError) as error:
        validate_bundle(written(plain, tmp_path / "c.zip", plain[1], image=image))
    assert error.value.id == "bundle.references_disagree"
    assert "reference picture" in error.value.message
    assert "interpolation" in error.value.message
    assert error.value.detail["cosine"] < 0.999


def test_a_text_that_is_read_in_another_way_is_named_by_its_number(plain, tmp_path):
    found = json.loads(plain[1])
    found["texts"][1]["text"] = "a yellow hose"
    path = written(plain, tmp_path / "b.zip", json.dumps(found).encode())
    manifest = bundle_extract(path, tmp_path / "b")
    with pytest.raises(BundleError, match="reference text 2") as error:
        Prober(manifest, tmp_path / "b", 1).text(manifest.text)
    assert error.value.id == "bundle.references_disagree"
    assert "padding" in error.value.message


def test_a_vector_of_another_length_is_the_same_direction(plain, tmp_path):
    found = json.loads(plain[1])
    found["texts"][0]["vector"] = [1000 * value for value in found["texts"][0]["vector"]]
    path = written(plain, tmp_path / "b.zip", json.dumps(found).encode())
    manifest = bundle_extract(path, tmp_path / "b")
    assert Prober(manifest, tmp_path / "b", 1).text(manifest.text)[1]["references_agreement"] > 0.9999


GOOD = [0.5] * 32


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"[]", "object"),
        (np.random.default_rng(0).bytes(FILE_MAX_BYTES + 1), "larger than"),
        ({"other": []}, "alone"),
        ({"texts": {}}, "no list"),
        ({"texts": [{"text": "a", "vector": GOOD}] * (EACH_MAX + 1)}, "no list of at most 16"),
        ({"texts": [{"text": "a"}]}, "exactly"),
        ({"texts": [{"text": "a", "vector": GOOD, "more": 1}]}, "exactly"),
        ({"texts": [{"text": "", "vector": GOOD}]}, "characters"),
        ({"texts": [{"text": "a" * 1001, "vector": GOOD}]}, "characters"),
        ({"texts": [{"text": 7, "vector": GOOD}]}, "characters"),
        ({"texts": [{"text": "a", "vector": GOOD[1:]}]}, "32 numbers"),
        ({"texts": [{"text": "a", "vector": [True, *GOOD[1:]]}]}, "32 numbers"),
        ({"texts": [{"text": "a", "vector": [0] * 32}]}, "no length"),
        ({"texts": [{"text": "a", "vector": [1e308] * 32}]}, "no length"),
        ({"pictures": [{"seed": -1, "vector": GOOD}]}, "seed"),
        ({"pictures": [{"seed": 1 << 32, "vector": GOOD}]}, "seed"),
        ({"pictures": [{"seed": True, "vector": GOOD}]}, "seed"),
        ({"texts": [{"text": " ", "vector": GOOD}]}, "no words"),
    ],
)
def test_a_file_that_is_none_is_refused_with_the_reason(plain, tmp_path, content, problem):
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    manifest = bundle_extract(written(plain, tmp_path / "b.zip", data), tmp_path / "b")
    with pytest.raises(BundleError, match=problem) as error:
        Prober(manifest, tmp_path / "b", 1).text(manifest.text)
    assert error.value.id == "bundle.references_invalid"


def test_vectors_of_an_encoder_that_is_not_there_are_refused(plain, tmp_path):
    manifest = bundle_extract(written(plain, tmp_path / "b.zip", plain[1]), tmp_path / "b")
    with pytest.raises(BundleError, match="does not have"):
        read_references(replace(manifest, image=None), tmp_path / "b")
    nothing = read_references(replace(manifest, references=None), tmp_path / "b")
    assert (nothing.texts, nothing.pictures) == ((), ())


def test_the_manifest_names_a_listed_file_and_comes_back_as_it_was(plain, tmp_path):
    manifest = read_manifest(written(plain, tmp_path / "b.zip", plain[1]))
    assert parse_manifest(manifest.to_json()) == manifest
    assert "references" not in replace(manifest, references=None).to_json()
    with pytest.raises(BundleError, match="does not list"):
        parse_manifest(manifest.to_json() | {"references": "other.json"})


def test_the_picture_of_a_seed_is_the_same_everywhere():
    picture = reference_picture(1)
    assert (picture.size, picture.mode) == ((320, 240), "RGB")
    points = np.asarray(picture)
    assert (points[:40, :40] == points[0, 0]).all()
    assert hashlib.sha256(points.tobytes()).hexdigest() == DIGEST
    assert (np.asarray(reference_picture(2)) != points).any()

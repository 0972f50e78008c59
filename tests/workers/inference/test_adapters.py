"""A bundle's adapter moves both towers' vectors, changes nothing where it is zero, and is read as hostile."""

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from numpy.lib.format import write_array_header_1_0
from PIL import Image

from tests.support.tiny_bundle import COLOURS, make_tiny_bundle, tiny_manifest
from workers.inference.adapters import ResidualMap, check_adapter, read_adapter
from workers.inference.bundles import bundle_extract, bundle_write, read_manifest
from workers.inference.encoder import load_encoder
from workers.inference.errors import BundleError
from workers.inference.manifest import GraphFiles, parse_manifest

ENTRY = {"sha256": "0" * 64, "bytes": 3}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    room = tmp_path_factory.mktemp("base")
    bundle_extract(make_tiny_bundle(room / "tiny.zip"), room / "tiny")
    return room / "tiny"


def small_map(seed, dim=32):
    random = np.random.default_rng(seed)
    weights = random.normal(0, 0.1, (dim, dim)).astype(np.float32)
    return ResidualMap(weights, random.normal(0, 0.1, dim).astype(np.float32))


def adapted(base, room, **maps):
    """The base's bundle with these maps, written and extracted."""
    manifest = read_manifest(base)
    files = {name: base / name for name in manifest.files}
    for modality, one in maps.items():
        one.write(room / f"{modality}.npy")
        files[f"adapter/{modality}.npy"] = room / f"{modality}.npy"
    names = GraphFiles(**{modality: f"adapter/{modality}.npy" for modality in maps})
    bundle_write(room / "adapted.zip", replace(manifest, adapter=names), files)
    bundle_extract(room / "adapted.zip", room / "adapted")
    return room / "adapted"


def pictures():
    return [Image.new("RGB", (50, 40), colour) for colour in COLOURS.values()]


def test_vectors_computed_from_the_base_are_those_that_are_encoded(base, tmp_path):
    maps = {"image": small_map(1), "text": small_map(2)}
    before, after = (
        load_encoder(base, device="cpu"),
        load_encoder(adapted(base, tmp_path, **maps), device="cpu"),
    )
    for method, inputs, modality in (
        ("encode_pictures", pictures(), "image"),
        ("encode_texts", list(COLOURS), "text"),
    ):
        old, new = getattr(before, method)(inputs), getattr(after, method)(inputs)
        np.testing.assert_allclose(new, maps[modality].vectors(old), atol=1e-5)
        np.testing.assert_allclose(np.linalg.norm(new, axis=1), 1, atol=1e-6)
        assert np.abs(new - old).max() > 0.05


def test_a_map_of_nothing_leaves_every_vector_as_it_is(base, tmp_path):
    folder = adapted(base, tmp_path, text=ResidualMap.nothing(32))
    found = load_encoder(folder, device="cpu").encode_texts(list(COLOURS))
    np.testing.assert_array_equal(found, load_encoder(base, device="cpu").encode_texts(list(COLOURS)))
    vectors = np.random.default_rng(3).normal(size=(5, 32)).astype(np.float32)
    assert ResidualMap.nothing(32).vectors(vectors) is vectors


def test_cells_still_have_the_mapped_vector_as_their_mean():
    cells = np.random.default_rng(4).normal(size=(3, 4, 5, 32)).astype(np.float32)
    cells /= np.linalg.norm(cells.mean((1, 2), keepdims=True), axis=3, keepdims=True)
    one = small_map(5)
    np.testing.assert_allclose(one.cells(cells).mean((1, 2)), one.vectors(cells.mean((1, 2))), atol=1e-5)


def stored(room, content, name="image.npy"):
    room.joinpath(name).write_bytes(content) if isinstance(content, bytes) else np.save(room / name, content)
    return parse_manifest(
        tiny_manifest() | {"files": dict.fromkeys(FILES, ENTRY), "adapter": {"image": name}}
    )


FILES = ("image.onnx", "text.onnx", "vocabulary.txt", "image.npy")


def spoilt(value):
    found = np.zeros((33, 32), np.float32)
    found[7, 7] = value
    return found


def npy(shape):
    """The first bytes of a file of NumPy's that announces this shape."""
    room = BytesIO()
    write_array_header_1_0(room, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return room.getvalue()


HOSTILE = {
    "no .npy": b"PK\x03\x04 nothing",
    "empty": b"",
    "announces more than it has": npy((999_999_999, 999_999)),
    "cut off": npy((33, 32)) + bytes(4 * 33 * 31),
    "left over": npy((33, 32)) + bytes(4 * 33 * 33),
    "a header that never ends": b"\x93NUMPY\x01\x00\x46\x00" + b"(" * 70,
    "pickled": np.array([{"a": 1}], dtype=object),
    "shape": np.zeros((32, 32), np.float32),
    "doubles": np.zeros((33, 32)),
    "not a number": spoilt(np.nan),
    "infinite": spoilt(np.inf),
    "too large": spoilt(1e9),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_adapter_is_refused(tmp_path, content):
    with pytest.raises(BundleError) as caught:
        read_adapter(stored(tmp_path, content), tmp_path)
    assert caught.value.id == "bundle.adapter_invalid"


def test_an_adapter_that_makes_all_alike_is_refused(tmp_path):
    vectors = np.eye(32, dtype=np.float32)
    values = np.vstack([-np.eye(32), np.ones(32)]).astype(np.float32)
    with pytest.raises(BundleError) as caught:
        check_adapter(stored(tmp_path, values), tmp_path, {"image": vectors})
    assert caught.value.id == "bundle.outputs_all_alike"


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"adapter": {"image": "missing.npy"}}, "adapter.image"),
        ({"adapter": {"sound": "image.npy"}}, "adapter.sound"),
        ({"adapter": {"image": "image.npy"}, "similarity": "order"}, "adapter"),
    ],
)
def test_a_manifest_with_an_adapter_that_cannot_be_is_refused(change, key):
    with pytest.raises(BundleError) as caught:
        parse_manifest(tiny_manifest() | {"files": dict.fromkeys(FILES, ENTRY)} | change)
    assert caught.value.detail["key"] == key

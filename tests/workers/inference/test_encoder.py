"""The encoder of a bundle on CPU: meaningful vectors, the same alone and together, remembered precision."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from tests.support.tiny_bundle import COLOURS, make_tiny_bundle
from workers.inference.bundles import bundle_extract
from workers.inference.encoder import load_encoder
from workers.inference.errors import BundleError, EncoderError, TextError
from workers.inference.pictures import to_pixels
from workers.inference.precision import agreement, choose_precision
from workers.inference.probes import probe_pictures, probe_texts


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    room = tmp_path_factory.mktemp("bundle")
    bundle_extract(make_tiny_bundle(room / "tiny.zip"), room / "tiny")
    return room / "tiny"


@pytest.fixture(scope="module")
def encoder(folder):
    return load_encoder(folder, device="cpu")


def pictures():
    return [Image.new("RGB", (50, 40), colour) for colour in COLOURS.values()]


def test_a_picture_lies_nearest_to_the_word_of_its_colour(encoder):
    images, words = encoder.encode_pictures(pictures()), encoder.encode_texts(list(COLOURS))
    assert images.shape == words.shape == (len(COLOURS), 32)
    assert images.dtype == words.dtype == np.float32
    assert ((images @ words.T).argmax(1) == np.arange(len(COLOURS))).all()


def test_every_vector_has_unit_length(encoder):
    found = np.concatenate(
        [encoder.encode_pictures(probe_pictures()), encoder.encode_texts(["red", "a blue pump"])]
    )
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


def test_many_at_once_are_the_same_as_each_alone(encoder):
    together = encoder.encode_pictures(probe_pictures(40))
    alone = np.concatenate([encoder.encode_pictures([picture]) for picture in probe_pictures(40)])
    np.testing.assert_allclose((together * alone).sum(1), 1, atol=1e-3)


def test_texts_keep_their_order_whatever_their_length(encoder):
    texts = probe_texts(encoder.vocabulary(), 150)[::-1]
    together = encoder.encode_texts(texts)
    alone = np.concatenate([encoder.encode_texts([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_prepared_pixels_and_pictures_give_the_same(encoder):
    pixels = np.stack([to_pixels(picture, encoder.manifest.image) for picture in pictures()])
    np.testing.assert_allclose(encoder.encode_pixels(pixels), encoder.encode_pictures(pictures()), atol=1e-6)


def test_nothing_gives_no_vectors(encoder):
    assert encoder.encode_pictures([]).shape == encoder.encode_texts([]).shape == (0, 32)


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_an_empty_text_is_refused(encoder, text):
    with pytest.raises(TextError) as caught:
        encoder.encode_texts(["red", text])
    assert caught.value.id == "text.empty"


def test_a_long_text_is_cut_at_the_limit(encoder):
    words = ["red"] * 30
    cut = encoder.encode_texts([" ".join(words + ["blue"] * 100_000)])
    np.testing.assert_allclose(cut, encoder.encode_texts([" ".join(words)]), atol=1e-6)


def test_threads_share_one_encoder(encoder):
    expected = [encoder.encode_texts([word]) for word in COLOURS]
    with ThreadPoolExecutor(8) as threads:
        for _ in range(5):
            found = list(threads.map(lambda word: encoder.encode_texts([word]), COLOURS))
            np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_cache_remembers_networks_and_the_precision(folder, tmp_path):
    first = load_encoder(folder, device="cpu", cache=tmp_path)
    kept = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert ".blob" in kept
    again = load_encoder(folder, device="cpu", cache=tmp_path, threads=1)
    assert again.precision == first.precision in {"bf16", "f32"}
    np.testing.assert_allclose(
        again.encode_pictures(pictures()), first.encode_pictures(pictures()), atol=1e-5
    )


def rotated(degrees):
    turn = np.radians(degrees)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]], np.float32)
    return lambda vectors: vectors @ matrix.T


def test_bf16_is_chosen_only_where_its_vectors_agree():
    probes = np.eye(2, dtype=np.float32)
    for degrees, wanted in ((1, "bf16"), (5, "f32")):
        networks = {"f32": rotated(0), "bf16": rotated(degrees)}
        assert choose_precision(networks.__getitem__, probes, None) == wanted


def test_the_precision_is_decided_once(tmp_path):
    probes = np.eye(2, dtype=np.float32)
    networks = {"f32": rotated(0), "bf16": rotated(5)}
    assert choose_precision(networks.__getitem__, probes, tmp_path) == "f32"
    assert json.loads((tmp_path / "precision.json").read_text())["agreement"] == pytest.approx(
        0.9962, abs=1e-3
    )
    assert choose_precision(lambda name: pytest.fail("tried again"), probes, tmp_path) == "f32"
    (tmp_path / "precision.json").write_text("{")
    assert choose_precision(networks.__getitem__, probes, tmp_path) == "f32"


def test_vectors_that_are_not_finite_agree_with_nothing():
    assert agreement(np.full((1, 2), np.nan), np.ones((1, 2))) == -1
    assert agreement(np.zeros((1, 2)), np.ones((1, 2))) == -1


@pytest.mark.parametrize(
    ("device", "error_id"), [("tpu", "encoder.unknown_device"), ("cuda", "encoder.no_native_payload")]
)
def test_a_device_that_cannot_serve_is_refused(folder, device, error_id):
    with pytest.raises(EncoderError) as caught:
        load_encoder(folder, device=device)
    assert caught.value.id == error_id


def test_a_vocabulary_without_its_first_four_tokens_is_refused(folder, tmp_path):
    import shutil

    shutil.copytree(folder, tmp_path / "copy")
    (tmp_path / "copy" / "vocabulary.txt").write_text("red\nblue\n")
    with pytest.raises(BundleError) as caught:
        load_encoder(tmp_path / "copy", device="cpu")
    assert caught.value.id == "bundle.vocabulary_invalid"


def test_the_light_modules_import_no_neural_library():
    """The web process reads manifests and headers; serving on CPU needs no torch."""
    light = "workers.inference.errors, workers.inference.manifest, workers.inference.bundles, workers.inference.sniff"
    heavy = "{'torch', 'openvino', 'onnx', 'torchvision', 'django'}"
    code = f"import sys, {light}, workers.inference.pictures; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
    code = "import sys, workers.inference.openvino_runtime, workers.inference.encoder; print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"

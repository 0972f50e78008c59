"""An encoder in a sandboxed child: the same vectors, and what becomes of a child that dies."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import psutil
import pytest
from PIL import Image

from tests.support.cells_bundle import make_cells_bundle
from tests.support.tiny_bundle import COLOURS, make_tiny_bundle
from tests.support.trigger_bundle import make_trigger_bundle
from tests.support.workers import wait_until
from workers.inference.bundles import bundle_extract, read_manifest
from workers.inference.encoder import load_encoder
from workers.inference.errors import EncoderError, EncoderMemoryError, TextError
from workers.inference.isolation import sandbox_user
from workers.inference.pictures import to_pixels
from workers.inference.remote_encoder import EncoderDiedError, EncoderOptions, RemoteEncoder, open_encoder
from workers.inference.words import UnknownWords

WHITE = Image.new("RGB", (40, 40), "white")
OPTIONS = EncoderOptions(device="cpu", call_seconds=20)


def pictures():
    return [Image.new("RGB", (50, 40), colour) for colour in COLOURS.values()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    room = tmp_path_factory.mktemp("bundle")
    bundle_extract(make_tiny_bundle(room / "tiny.zip"), room / "tiny")
    return room / "tiny"


@pytest.fixture(scope="module")
def trigger_folder(tmp_path_factory):
    room = tmp_path_factory.mktemp("trigger")
    bundle_extract(make_trigger_bundle(room / "trigger.zip"), room / "trigger")
    return room / "trigger"


@pytest.fixture
def deaths():
    return []


@pytest.fixture
def fragile(trigger_folder, deaths):
    encoder = RemoteEncoder(trigger_folder, OPTIONS, deaths.append)
    yield encoder
    encoder.close()


def test_vectors_are_those_of_an_encoder_in_this_process(folder, tmp_path):
    here = load_encoder(folder, device="cpu")
    there = open_encoder(folder, EncoderOptions(cache=tmp_path), [].append)
    words = ["a red pump", "blue", "green valve"] * 30
    np.testing.assert_array_equal(there.encode_pictures(pictures()), here.encode_pictures(pictures()))
    np.testing.assert_array_equal(there.encode_texts(words), here.encode_texts(words))
    assert there.encode_pictures([]).shape == (0, 32)
    assert (there.dim, there.device, there.precision) == (here.dim, here.device, here.precision)
    there.close()


def test_its_child_has_all_walls_although_the_bundle_is_nobody_elses_to_read(folder, tmp_path):
    folder.chmod(0o700)
    encoder = RemoteEncoder(folder, EncoderOptions(device="cpu", cache=tmp_path), [].append)
    assert encoder.walls["is_tight"]
    assert encoder.walls["user"] == (os.geteuid() == 0)
    encoder.close()


def test_a_cache_that_is_damaged_or_somebody_elses_does_no_harm(folder, tmp_path):
    cache = tmp_path / folder.name

    def words():
        encoder = RemoteEncoder(folder, EncoderOptions(device="cpu", cache=tmp_path), [].append)
        found = encoder.encode_texts(["red"])
        encoder.close()
        return found

    wanted = words()
    blobs = list(cache.rglob("*.blob"))
    assert blobs
    for blob in blobs:
        blob.write_bytes(b"nonsense")
    np.testing.assert_array_equal(words(), wanted)
    for place in (cache, *cache.rglob("*")):
        place.chmod(0o700)
        os.chown(place, os.geteuid(), -1)
    np.testing.assert_array_equal(words(), wanted)
    assert cache.stat().st_uid == sandbox_user()


def test_what_is_wrong_with_a_text_is_told_as_in_this_process(folder):
    encoder = RemoteEncoder(folder, OPTIONS, [].append)
    with pytest.raises(TextError) as caught:
        encoder.encode_texts([""])
    assert caught.value.id == "text.empty"
    encoder.close()
    with pytest.raises(EncoderError) as closed:
        encoder.encode_texts(["red"])
    assert closed.value.id == "encoder.closed"


def test_unknown_words_are_told_as_in_this_process(folder):
    there = RemoteEncoder(folder, OPTIONS, [].append)
    for text in ("a red Zylinder", "Zylinder", "a red pump"):
        here = load_encoder(folder, device="cpu")
        assert there.encode_queries([text])[1] == here.encode_queries([text])[1]
    there.close()


@pytest.mark.parametrize(
    "unknown",
    [None, [], [1], [{}], [{"words": "red"}], [{"words": [1, None, "pay here"], "nothing_known": "x"}] * 2],
)
def test_a_hostile_child_has_only_words_of_the_text_repeated(folder, monkeypatch, unknown):
    encoder = RemoteEncoder(folder, OPTIONS, [].append)
    vector = encoder.encode_texts(["a red pump"])
    monkeypatch.setattr(encoder._process, "call", lambda *_, **__: ({"unknown": unknown}, vector.tobytes()))
    assert encoder.encode_queries(["a red pump"])[1] == [UnknownWords()]
    encoder.close()


def test_a_text_that_is_searched_for_is_one_call_of_the_child(folder, monkeypatch):
    encoder = RemoteEncoder(folder, OPTIONS, [].append)
    call, methods = encoder._process.call, []
    monkeypatch.setattr(
        encoder._process, "call", lambda *words, **how: (methods.append(words[0]), call(*words, **how))[1]
    )
    vectors, unknown = encoder.encode_queries(["a red Zylinder", "a blue pump"])
    np.testing.assert_array_equal(vectors, encoder.encode_texts(["a red Zylinder", "a blue pump"]))
    assert [one.words for one in unknown] == [("Zylinder",), ()]
    assert methods == ["queries", "texts"]
    encoder.close()


def test_an_input_that_ends_the_child_is_told_once_and_the_next_one_is_answered(fragile, deaths):
    before = fragile.encode_pictures(pictures())
    first = fragile.pid
    with pytest.raises(EncoderDiedError) as caught:
        fragile.encode_pictures([WHITE])
    assert (caught.value.id, caught.value.detail) == ("encoder.died", {"reason": "SIGSEGV"})
    assert deaths == ["SIGSEGV"]
    np.testing.assert_array_equal(fragile.encode_pictures(pictures()), before)
    assert fragile.pid != first


def test_of_several_inputs_none_is_blamed(fragile, deaths):
    with pytest.raises(EncoderDiedError):
        fragile.encode_pictures([*pictures(), WHITE])
    assert deaths == []


def test_a_child_that_died_is_started_again_although_nobody_asks(fragile):
    first = fragile.pid
    with pytest.raises(EncoderDiedError):
        fragile.encode_pictures([WHITE])
    wait_until(lambda: fragile.pid != first, seconds=20, what="the next child")


@pytest.mark.parametrize("wait", [0, 0.5])
def test_a_child_that_was_killed_while_idle_costs_no_question_and_blames_none(fragile, deaths, wait):
    before = fragile.encode_texts(["red"])
    os.kill(fragile.pid, signal.SIGKILL)
    time.sleep(wait)  # without it, the child is still on its way out
    np.testing.assert_array_equal(fragile.encode_texts(["red"]), before)
    assert deaths == []


def test_vectors_that_a_hostile_child_makes_up_are_not_taken(fragile):
    whole = np.zeros((2, 32), np.float32)
    whole[:, 0] = 1
    assert fragile._checked(whole.tobytes(), 2).shape == (2, 32)
    for bad in (whole[:1], whole * 2, np.full_like(whole, np.nan), whole * 0, np.full_like(whole, np.inf)):
        with np.errstate(invalid="ignore"), pytest.raises(EncoderError) as caught:
            fragile._checked(np.asarray(bad, np.float32).tobytes(), 2)
        assert caught.value.id == "encoder.bad_output"


def test_a_child_without_memory_for_an_input_says_so_and_lives(folder, deaths):
    encoder = RemoteEncoder(folder, EncoderOptions(device="cpu", memory_bytes=8 << 20), deaths.append)
    try:
        pid, image = encoder.pid, encoder.manifest.image
        with pytest.raises(EncoderMemoryError) as caught:
            encoder.encode_texts(["photo " * (4 << 20)])
        assert (caught.value.id, encoder.pid, deaths) == ("encoder.memory", pid, [])
        assert encoder.encode_pixels(np.zeros((1, 3, image.size, image.size), np.float32)).shape == (1, 32)
    finally:
        encoder.close()


def test_this_process_holds_no_graph(folder):
    encoder = RemoteEncoder(folder, OPTIONS, [].append)
    child = {entry.path for entry in psutil.Process(encoder.pid).memory_maps()}
    assert any("openvino" in path for path in child)
    assert encoder.pid != os.getpid()
    encoder.close()


def test_cells_come_from_the_walled_child_and_only_when_they_are_asked_for(tmp_path):
    bundle_extract(make_cells_bundle(tmp_path / "b.zip"), tmp_path / "b")
    pixels = np.stack([to_pixels(picture, read_manifest(tmp_path / "b").image) for picture in pictures()[:2]])
    here = load_encoder(tmp_path / "b", device="cpu")
    vectors = here.encode_pixels(pixels)
    assert here.runtime._cells is None
    there = RemoteEncoder(tmp_path / "b", OPTIONS, [].append)
    try:
        cells = there.encode_cells(pixels)
    finally:
        there.close()
    assert cells.shape == (2, 8, 8, 32)
    np.testing.assert_allclose(cells, here.encode_cells(pixels), atol=1e-6)
    np.testing.assert_allclose(cells.mean((1, 2)), vectors, atol=5e-3)  # those may be computed in bf16


def test_a_network_that_is_only_to_give_vectors_is_the_same_with_cells_in_its_file(tmp_path, folder):
    bundle_extract(make_cells_bundle(tmp_path / "b.zip"), tmp_path / "b")
    pixels = np.stack([to_pixels(picture, read_manifest(folder).image) for picture in pictures()])
    with_cells, without = (load_encoder(one, device="cpu") for one in (tmp_path / "b", folder))
    assert np.array_equal(with_cells.encode_pixels(pixels), without.encode_pixels(pixels))
    graphs = [one.runtime._graphs["image"] for one in (with_cells, without)]
    compiler = with_cells.runtime._compiler
    models = [compiler._compiled(graph, {})._request.get_compiled_model() for graph in graphs]
    sizes = [len(model.get_runtime_model().get_ops()) for model in models]
    assert sizes[0] == sizes[1]


def test_a_bundle_without_cells_says_so(folder):
    encoder = load_encoder(folder, device="cpu")
    with pytest.raises(EncoderError) as refused:
        encoder.encode_cells(np.zeros((1, 3, 32, 32), np.float32))
    assert refused.value.id == "encoder.no_cells"


@pytest.mark.parametrize("answer", [np.zeros(0), np.zeros(7), np.full(2048, np.nan)])
def test_cells_that_a_hostile_child_makes_up_are_not_taken(tmp_path, monkeypatch, answer):
    bundle_extract(make_cells_bundle(tmp_path / "b.zip"), tmp_path / "b")
    encoder = RemoteEncoder(tmp_path / "b", OPTIONS, [].append)
    monkeypatch.setattr(encoder, "_exchanged", lambda *_, **__: ({}, answer.astype(np.float32).tobytes()))
    try:
        with pytest.raises(EncoderError) as refused:
            encoder.encode_cells(np.zeros((1, 3, 32, 32), np.float32))
    finally:
        encoder.close()
    assert refused.value.id == "encoder.bad_output"

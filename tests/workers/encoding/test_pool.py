"""The pool of loaded models, and the loading of versions that somebody wants warm."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from tests.support.workers import wait_until
from workers.encoding import pool as pool_module
from workers.encoding import wire
from workers.encoding.answering import warm
from workers.encoding.pool import Batches, LoadedModel, ModelPool
from workers.encoding.worker import Loader, _wanted
from workers.inference.errors import BundleError
from workers.inference.manifest import ImageSpec, TextSpec
from workers.inference.words import UnknownWords


class FakeEncoder:
    """Gives every text its length and every picture its mean as a vector of one dimension."""

    device = "cpu"

    def encode_queries(self, texts):
        vectors = np.array([[len(text)] for text in texts], dtype=np.float32)
        return vectors, [UnknownWords() for _ in texts]

    def encode_pixels(self, pixels):
        return pixels.mean(axis=(1, 2, 3))[:, None]


def _load(version_id):
    return LoadedModel(version_id, FakeEncoder())


def test_a_model_is_loaded_once_however_many_ask_at_the_same_time():
    loads = []

    def slowly(version_id):
        loads.append(version_id)
        time.sleep(0.05)
        return _load(version_id)

    pool = ModelPool(slowly)
    with ThreadPoolExecutor(8) as threads:
        models = set(threads.map(pool.get, [7] * 8))
    assert (loads, len(models), pool.loaded()) == ([7], 1, [7])


def test_the_least_recently_used_model_leaves_but_answers_those_who_have_it_still(monkeypatch):
    monkeypatch.setattr(pool_module, "LEAVING_SECONDS", 0.2)
    pool = ModelPool(_load, most=2)
    first = pool.get(1)
    pool.get(2)
    pool.get(1)
    second = pool.get(2)
    pool.get(3)
    assert pool.loaded() == [2, 3]
    assert first.texts.submit("abc").result(5)[0] == 3
    time.sleep(0.4)
    with pytest.raises(RuntimeError):
        first.texts.submit("abc")
    assert second.texts.submit("abcd").result(5)[0] == 4


def test_loading_others_never_pushes_the_pinned_version_out():
    pool = ModelPool(_load, most=2, pinned=lambda: 1)
    for version_id in (1, 2, 3, 4):
        pool.get(version_id)
    assert pool.loaded() == [1, 4]


def test_a_version_that_is_dropped_is_no_longer_loaded():
    pool = ModelPool(_load)
    pool.get(1)
    pool.drop(1)
    pool.drop(2)
    assert pool.loaded() == []


def test_a_load_that_fails_can_be_tried_again():
    tries = []

    def at_the_second_time(version_id):
        tries.append(version_id)
        if len(tries) == 1:
            raise BundleError("bundle.damaged")
        return _load(version_id)

    pool = ModelPool(at_the_second_time)
    with pytest.raises(BundleError):
        pool.get(1)
    assert pool.get(1).version_id == 1


def test_the_batches_of_all_models_are_counted_also_of_one_that_left():
    pool = ModelPool(_load)
    pool.get(1).texts.submit("a").result(5)
    pool.get(2).pixels.submit(np.ones((3, 2, 2), dtype=np.float32)).result(5)
    assert pool.batches() == Batches(calls=2, items=2)
    pool.drop(1)
    assert pool.loaded() == [2]
    assert pool.batches() == Batches(calls=2, items=2)


@pytest.mark.django_db
def test_a_wanted_version_is_loaded_beside_and_a_broken_one_is_left_alone_for_a_while():
    tries = []

    def load(version_id):
        tries.append((version_id, threading.current_thread().name))
        if version_id == 1:
            raise LookupError("gone")
        return _load(version_id)

    pool = ModelPool(load)
    loader = Loader(pool)
    for _ in range(40):
        loader.want({1, 2})
        time.sleep(0.01)
    wait_until(lambda: pool.loaded() == [2], seconds=5)
    assert tries == [(1, "loader"), (2, "loader")]


def test_what_nobody_wants_any_more_is_forgotten(clean_redis):
    clean_redis.zadd(wire.WANTED_KEY, {"5": time.time() + 60, "6": time.time() - 1})
    assert _wanted() == {5}


def test_a_model_is_warmed_by_a_question_of_each_kind_that_it_answers():
    asked = _load(1)
    pictures = ImageSpec(resize=32, size=32, mean=(0.5,) * 3, std=(0.5,) * 3)
    words = TextSpec("words", "vocabulary.txt", 8)
    for picture, text in ((pictures, words), (pictures, None), (None, words)):
        asked.encoder.manifest = SimpleNamespace(image=picture, text=text)
        before = asked.pixels.metrics.calls, asked.texts.metrics.calls
        warm(asked)
        after = asked.pixels.metrics.calls, asked.texts.metrics.calls
        assert after == (before[0] + bool(picture), before[1] + bool(text))
    asked.close()

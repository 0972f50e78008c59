"""Query workers that come, go and die."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from retrieval_site.errors import AppError
from tests.support.corpus import picture, tiny_version
from tests.support.tiny_bundle import COLOURS
from tests.support.workers import is_alive, start_query_worker, stop, wait_until
from workers.encoding import client, wire
from workers.encoding.client import encode_text, picture_start, workers_alive
from workers.encoding.warming import versions_warm
from workers.inference.errors import BundleError
from workers.inference.framing import FramedPicture

pytestmark = pytest.mark.django_db(transaction=True)

VECTOR = wire.Encoded(np.ones(3, np.float32), timings_ms={"encode": 1.0})
PREVIEW = wire.Encoded(preview=b"small")


@pytest.fixture
def no_worker(monkeypatch, request):
    """A queue and heartbeats of this test's own, so that the run's shared worker does not answer."""
    monkeypatch.setattr(wire, "ASKED_KEY", "nobody")
    monkeypatch.setattr(wire, "HEARTBEAT_PREFIX", "nobody:")


@pytest.mark.usefixtures("no_worker")
def test_without_a_worker_there_is_a_clear_message_within_five_seconds(tmp_path):
    version = tiny_version(tmp_path)
    started = time.monotonic()
    with pytest.raises(AppError) as caught:
        encode_text(version, "red")
    assert (caught.value.id, caught.value.status) == ("encoder.unavailable", 503)
    assert time.monotonic() - started < 5


def test_without_redis_there_is_the_same_message(tmp_path, monkeypatch):
    gone = wire.connect(f"unix://{tmp_path}/no.sock")
    monkeypatch.setattr(wire, "client", lambda: gone)
    version = tiny_version(tmp_path)
    started = time.monotonic()
    for ask in (lambda: encode_text(version, "red"), lambda: versions_warm([version])):
        with pytest.raises(AppError) as caught:
            ask()
        assert caught.value.id == "encoder.unavailable"
    assert time.monotonic() - started < 5
    client.connections_warm()


@pytest.mark.usefixtures("no_worker")
def test_warming_waits_for_nobody_where_no_worker_is_alive(tmp_path):
    versions_warm([tiny_version(tmp_path)], timeout_seconds=0.1)


@pytest.mark.usefixtures("no_worker")
def test_warming_says_so_when_a_worker_does_not_load_the_version(tmp_path):
    wire.client().set("nobody:deaf-1", '{"loaded": [], "calls": 0, "at": 0}', ex=30)
    with pytest.raises(AppError) as caught:
        versions_warm([tiny_version(tmp_path)], timeout_seconds=0.3)
    assert caught.value.id == "encoder.not_warm"
    wire.client().delete("nobody:deaf-1")


@pytest.mark.usefixtures("no_worker")
def test_a_worker_that_lives_but_does_not_answer_is_not_waited_for_for_ever(tmp_path, settings):
    from dataclasses import replace

    settings.CONFIG = replace(settings.CONFIG, encode_timeout_seconds=0.6)
    wire.client().set("nobody:slow-1", '{"loaded": [], "calls": 0, "at": 0}', ex=30)
    with pytest.raises(AppError) as caught:
        encode_text(tiny_version(tmp_path), "red")
    assert (caught.value.id, caught.value.status) == ("encoder.timeout", 503)
    wire.client().delete("nobody:slow-1")


def _replace_worker(redis):
    """Let the only worker that is alive go and another come, and wait until the question is asked again."""
    time.sleep(0.8)
    redis.delete("nobody:first-1")
    redis.set("nobody:second-2", '{"loaded": [], "calls": 0, "at": 0}', ex=30)
    wait_until(lambda: redis.llen("nobody") == 2, seconds=5, what="the second message")


@pytest.mark.usefixtures("no_worker")
def test_a_question_is_asked_again_when_the_worker_that_took_it_is_replaced(tmp_path, settings):
    redis, version = wire.client(), tiny_version(tmp_path)
    redis.delete("nobody")
    redis.set("nobody:first-1", '{"loaded": [], "calls": 0, "at": 0}', ex=30)
    pending = picture_start(version, FramedPicture(picture(COLOURS["red"], seed=77)))
    assert redis.llen("nobody") == 1
    assert 0 < redis.pttl("nobody") <= 1000 * settings.CONFIG.encode_timeout_seconds
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(pending.result)
        _replace_worker(redis)
        redis.rpush(wire.REPLY_PREFIX + pending.id, wire.pack(VECTOR))
        assert waiting.result(5).timings_ms == VECTOR.timings_ms
    redis.delete("nobody", "nobody:second-2")


@pytest.mark.usefixtures("no_worker")
def test_a_question_that_outlived_two_workers_is_given_up(tmp_path):
    redis, version = wire.client(), tiny_version(tmp_path)
    redis.delete("nobody")
    redis.set("nobody:first-1", '{"loaded": [], "calls": 0, "at": 0}', ex=30)
    pending = picture_start(version, FramedPicture(picture(COLOURS["red"], seed=80)))
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(pending.result)
        _replace_worker(redis)
        redis.delete("nobody:second-2")
        redis.set("nobody:third-3", '{"loaded": [], "calls": 0, "at": 0}', ex=30)
        with pytest.raises(AppError) as caught:
            waiting.result(10)
    assert caught.value.id == "encoder.unavailable"
    assert redis.llen("nobody") == 2
    redis.delete("nobody", "nobody:third-3")


@pytest.mark.usefixtures("no_worker")
def test_the_vector_is_there_before_the_preview_and_a_preview_that_was_lost_is_asked_for_again(tmp_path):
    redis, version = wire.client(), tiny_version(tmp_path)
    redis.delete("nobody")
    redis.set("nobody:first-1", '{"loaded": [], "calls": 0, "at": 0}', ex=30)
    pending = picture_start(version, FramedPicture(picture(COLOURS["red"], seed=78)), preview_px=32)
    reply = wire.REPLY_PREFIX + pending.id
    redis.rpush(reply, wire.pack(VECTOR))
    assert pending.result().timings_ms == VECTOR.timings_ms
    assert pending.result().preview is None
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(pending.preview)
        _replace_worker(redis)
        redis.rpush(reply, wire.pack(VECTOR), wire.pack(PREVIEW))
        assert waiting.result(5) == b"small"
    assert pending.result().vector.tolist() == [1, 1, 1]
    redis.delete("nobody", "nobody:second-2")


@pytest.mark.usefixtures("no_worker")
def test_a_preview_that_fails_is_an_error_with_an_id(tmp_path):
    redis = wire.client()
    pending = picture_start(
        tiny_version(tmp_path), FramedPicture(picture(COLOURS["red"], seed=79)), preview_px=32
    )
    failed = wire.Encoded(error={"id": "encoder.failed", "message": "No.", "detail": {}})
    redis.rpush(wire.REPLY_PREFIX + pending.id, wire.pack(VECTOR), wire.pack(failed))
    pending.result()
    with pytest.raises(AppError) as caught:
        pending.preview()
    assert (caught.value.id, caught.value.status) == ("encoder.failed", 503)
    redis.delete("nobody")


def _started(log):
    process = start_query_worker(log)
    try:
        wait_until(lambda: process.poll() is not None or is_alive(process), what=f"a worker; see {log}")
    except BaseException:
        stop(process)
        raise
    return process


def test_a_worker_starts_without_a_model_and_has_the_champion_loaded_once_there_is_one(tmp_path):
    process = _started(tmp_path / "first.log")
    assert process.poll() is None
    stop(process)
    assert not is_alive(process)
    version = tiny_version(tmp_path)
    process = _started(tmp_path / "second.log")
    beats = [beat for name, beat in workers_alive().items() if name.endswith(f"-{process.pid}")]
    assert [beat.loaded for beat in beats] == [(version.pk,)]
    stop(process)


def test_a_worker_that_cannot_load_the_champion_ends_with_an_error(tmp_path):
    from workers.storage.blobs import blob_store

    version = tiny_version(tmp_path)
    version.bundle = blob_store(b"no bundle at all", "application/zip")
    version.save()
    log = tmp_path / "worker.log"
    process = _started(log)
    assert process.wait(20) != 0
    assert BundleError.__name__ in log.read_text()


def test_a_killed_worker_is_noticed_within_five_seconds(tmp_path, monkeypatch):
    process = _started(tmp_path / "worker.log")
    others = [name for name in workers_alive() if not name.endswith(f"-{process.pid}")]
    process.kill()
    process.wait()
    wait_until(lambda: not is_alive(process), seconds=5, what="the heartbeat to expire")
    assert set(others) <= set(workers_alive())

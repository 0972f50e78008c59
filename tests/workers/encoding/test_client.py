"""A query's way to its vector, through a real worker process."""

from __future__ import annotations

import io
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from retrieval_site.errors import AppError
from search.indexing.encoders import encoder_of
from search.pictures import picture_prepared
from search.units.pictures import image_spec
from tests.support.corpus import picture, tiny_version
from tests.support.hostile_pictures import jpeg_scans
from tests.support.tiny_bundle import COLOURS
from tests.support.workers import wait_until
from workers.encoding import wire
from workers.encoding.client import (
    encode_picture,
    encode_text,
    encodings_total,
    picture_start,
    upload_at_hand,
    upload_forget,
    workers_alive,
)
from workers.encoding.warming import versions_warm
from workers.inference.framing import FramedPicture, Framing

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("query_worker")]

HALF = Framing(crop=(0, 0, 0.5, 1))


@pytest.fixture
def version(tmp_path):
    return tiny_version(tmp_path)


def _calls() -> int:
    return sum(beat.calls for beat in workers_alive().values())


def _settled_calls() -> int:
    """The count of encoder calls once the heartbeat has told of all that is done."""
    time.sleep(2.2 * wire.HEARTBEAT_SECONDS)
    return _calls()


def test_a_red_picture_lies_near_the_word_red(version):
    found = encode_picture(version, picture(COLOURS["red"]), preview_px=32)
    words = {colour: encode_text(version, f"a {colour} part").vector for colour in COLOURS}
    assert max(words, key=lambda colour: float(words[colour] @ found.vector)) == "red"
    assert found.vector.dtype == np.float32
    assert np.linalg.norm(found.vector) == pytest.approx(1, abs=1e-5)
    assert set(found.timings_ms) == {"decode", "encode"}


def test_the_preview_is_a_small_jpeg_and_only_made_where_it_is_wanted(version):
    with_preview = encode_picture(version, picture(COLOURS["blue"], size=(400, 300)), preview_px=100)
    assert with_preview.preview[:3] == b"\xff\xd8\xff"
    assert encode_picture(version, picture(COLOURS["blue"], size=(400, 300))).preview is None


def test_the_preview_is_as_large_as_wanted_also_where_the_encoder_looks_at_less(version):
    data = picture(COLOURS["blue"], size=(1200, 900), seed=8)  # the tiny model's own scale is 32 pixels
    preview = encode_picture(version, data, preview_px=640).preview
    assert Image.open(io.BytesIO(preview)).size == (640, 480)


def test_a_picture_has_the_same_vector_as_a_photo_and_as_a_documents_picture(version):
    data = picture(COLOURS["blue"], size=(1111, 901), seed=9)
    encoder = encoder_of(version)
    stored = encoder.encode_pixels(picture_prepared(data, image_spec(encoder)).pixels[None])[0]
    np.testing.assert_array_equal(encode_picture(version, data).vector, stored)


def test_sixteen_slow_photos_at_once_are_refused_and_the_next_is_answered(version):
    bomb = jpeg_scans(220, 7744)
    with ThreadPoolExecutor(16) as threads:
        asked = [threads.submit(encode_picture, version, bomb) for _ in range(16)]
        good = encode_picture(version, picture(COLOURS["red"], seed=11))
    assert good.vector.size
    errors = [one.exception() for one in asked]
    assert {(error.id, error.status) for error in errors} == {("image.too_complex", 422)}
    assert errors[0].detail["format"] == "jpeg"


def test_the_same_photo_again_comes_from_the_cache_with_its_preview(version):
    data = picture(COLOURS["green"], seed=5)
    first = encode_picture(version, data, preview_px=32)
    again = encode_picture(version, data, preview_px=32)
    assert (first.from_cache, again.from_cache) == (False, True)
    np.testing.assert_array_equal(first.vector, again.vector)
    assert first.preview == again.preview


def test_a_part_of_the_same_photo_is_another_question(version):
    data = picture(COLOURS["green"], seed=15)
    whole, part = encode_picture(version, data), encode_picture(version, data, framing=HALF)
    assert not part.from_cache
    assert not np.array_equal(whole.vector, part.vector)
    assert encode_picture(version, data, framing=HALF).from_cache


def test_the_file_of_a_photo_that_is_kept_stays_at_hand_for_a_while(version, clean_redis):
    photo = FramedPicture(picture(COLOURS["green"], seed=16))
    picture_start(version, photo, preview_px=32).preview()
    wait_until(lambda: upload_at_hand(photo.digest) == photo.data)
    assert 0 < clean_redis.ttl(wire.UPLOAD_PREFIX + photo.digest) <= 900
    assert clean_redis.keys(wire.INPUT_PREFIX + "*") == []
    upload_forget(photo.digest)
    assert upload_at_hand(photo.digest) is None


def test_the_file_of_a_photo_that_is_not_kept_is_gone_once_it_was_answered(version, clean_redis):
    photo = FramedPicture(picture(COLOURS["green"], seed=17))
    picture_start(version, photo).result()
    assert upload_at_hand(photo.digest) is None
    assert clean_redis.keys(wire.INPUT_PREFIX + "*") == []


def test_another_version_never_gets_the_cached_vector(version, tmp_path):
    other = tiny_version(tmp_path, seed=1)
    data = picture(COLOURS["green"], seed=6)
    assert not np.allclose(encode_picture(version, data).vector, encode_picture(other, data).vector)


def test_a_text_is_the_same_question_however_it_is_spaced(version):
    counted = [encodings_total.labels("text", source)._value.get() for source in ("worker", "cache")]
    assert not encode_text(version, "a rusty pump").from_cache
    assert encode_text(version, "  a rusty\n pump ").from_cache
    assert [encodings_total.labels("text", source)._value.get() for source in ("worker", "cache")] == [
        count + 1 for count in counted
    ]


def test_sixteen_photos_that_arrive_together_cause_at_most_six_encoder_calls(version, query_worker):
    versions_warm([version])
    photos = [picture((90, 15 * seed, 200), size=(1280, 960), seed=seed) for seed in range(16)]
    before = _settled_calls()
    query_worker.send_signal(signal.SIGSTOP)  # so that they arrive together however slow the sender is
    try:
        sent = [picture_start(version, FramedPicture(data)) for data in photos]
    finally:
        query_worker.send_signal(signal.SIGCONT)
    assert len({one.result().vector.tobytes() for one in sent}) == 16
    assert 1 <= _settled_calls() - before <= 6


def _truncated() -> bytes:
    data = picture(COLOURS["red"], size=(640, 480))
    return data[: len(data) // 2]


@pytest.mark.parametrize(
    ("data", "error_id", "status"),
    [
        (b"", "image.empty", 400),
        (b"%PDF-1.7 is no picture", "image.unknown_format", 415),
        (_truncated(), "image.truncated", 422),
        (picture(COLOURS["red"], size=(4, 400)), "image.too_small", 422),
    ],
)
def test_a_picture_that_cannot_be_read_is_refused_in_a_sentence(version, data, error_id, status):
    with pytest.raises(AppError) as caught:
        encode_picture(version, data)
    assert (caught.value.id, caught.value.status) == (error_id, status)
    assert caught.value.message.endswith(".")


def test_a_file_over_the_limit_is_refused_without_asking_a_worker(version, settings):
    from dataclasses import replace

    settings.CONFIG = replace(settings.CONFIG, picture_max_bytes=1000)
    with pytest.raises(AppError) as caught:
        encode_picture(version, picture(COLOURS["red"], size=(640, 480)))
    assert (caught.value.id, caught.value.status) == ("image.too_large", 413)


@pytest.mark.parametrize(("text", "error_id"), [(" \n ", "text.empty"), ("word " * 1000, "text.too_long")])
def test_a_text_that_says_nothing_or_too_much_is_refused(version, text, error_id):
    with pytest.raises(AppError) as caught:
        encode_text(version, text)
    assert (caught.value.id, caught.value.status) == (error_id, 400)


def test_a_version_that_is_gone_is_told_as_such(version):
    version.pk += 1_000_000
    with pytest.raises(AppError) as caught:
        encode_text(version, "red")
    assert (caught.value.id, caught.value.status) == ("encoder.no_version", 503)


def test_nothing_of_a_query_stays_behind_but_its_cached_vector(version):
    encode_picture(version, picture(COLOURS["pink"], seed=9))
    assert list(wire.client().scan_iter(wire.INPUT_PREFIX + "*")) == []
    assert list(wire.client().scan_iter(wire.REPLY_PREFIX + "*")) == []


def test_warming_returns_when_every_worker_has_the_version_in_memory(tmp_path):
    version = tiny_version(tmp_path, seed=3, champion=False)
    versions_warm([version])
    assert all(version.pk in beat.loaded for beat in workers_alive().values())

"""Pictures that are small to send and dear to decode."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.hostile.clients import assert_undisturbed
from tests.hostile.generators import scan_bomb, upload, vast_webp
from tests.hostile.site import MIB, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.hostile.site import Site

pytestmark = pytest.mark.slow

MEMORY_GROWTH_MAX = 1600 * MIB
"""The installation's pictures may take 1,200 MiB at once. Without a budget six of 59 megapixels held 5.6 GiB."""


def all_at_once(
    site: Site, photo: bytes, name: str, count: int, path: str = "search/"
) -> list[tuple[int, Any]]:
    """What `count` anonymous searches by this photo are answered at the same time."""

    def ask(_: int) -> tuple[int, Any]:
        return site.anonymous().ask("POST", path, form={"image": upload(photo, name)})

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(ask, range(count)))


@pytest.mark.parametrize("path", ["search/", "embeddings/"])
def test_sixteen_jpegs_of_hundreds_of_scans_are_refused_before_they_are_decoded(
    site: Site, path: str
) -> None:
    answers: list[tuple[int, Any]] = []
    photo = scan_bomb(400)

    def attack() -> None:
        began = time.monotonic()
        answers.extend(all_at_once(site, photo, "bomb.jpg", 16, path))
        assert time.monotonic() - began < 30

    assert_undisturbed(site.port, attack)
    assert {status // 100 for status, _ in answers} == {4}
    assert {refusal(answer).partition(".")[0] for _, answer in answers} == {"image"}


def test_a_jpeg_with_as_many_scans_as_cameras_make_is_searched_with(site: Site) -> None:
    ((status, _),) = all_at_once(site, scan_bomb(5, 256), "fine.jpg", 1)
    assert status == 200


STREAM_SECONDS, LONGEST_SECONDS = 8.0, 30.0
STREAMS = 8
ANSWERED_MIN = 2


def slow_jpeg(number: int) -> bytes:
    """Within the limits, and no two alike: about a second of processor time each."""
    return scan_bomb(19, 7700) + number.to_bytes(4, "big")


def slow_webp(number: int) -> bytes:
    """Within the limits, and no two alike: about a second of processor time each."""
    return vast_webp() + number.to_bytes(4, "big")


@pytest.mark.parametrize("slow_picture", [slow_jpeg, slow_webp])
def test_a_stream_of_slow_pictures_that_are_allowed_disturbs_nobody(
    site: Site, slow_picture: Callable[[int], bytes]
) -> None:
    numbers, answers = itertools.count(), []
    slow_picture(0)

    def answered() -> int:
        return sum(status == 200 for status, _ in answers)

    def stream(began: float) -> None:
        """Eight seconds long, and on a busy machine as long as it takes until some are answered."""
        while (past := time.monotonic() - began) < STREAM_SECONDS or (
            answered() < ANSWERED_MIN and past < LONGEST_SECONDS
        ):
            photo = upload(slow_picture(next(numbers)), "slow")
            answers.append(site.anonymous().ask("POST", "search/", form={"image": photo}))

    def attack() -> None:
        with ThreadPoolExecutor(STREAMS) as threads:
            list(threads.map(stream, [time.monotonic()] * STREAMS))

    assert_undisturbed(site.port, attack)
    found = Counter("answered" if status == 200 else refusal(answer) for status, answer in answers)
    assert found["answered"] >= ANSWERED_MIN
    assert set(found) <= {"answered", "image.busy", "image.timeout"}, found


@contextmanager
def memory_watched(site: Site, *names: str) -> Iterator[list[int]]:
    """Samples of what these parts hold, taken meanwhile."""
    samples, stop = [site.memory(*names)], threading.Event()

    def watch() -> None:
        while not stop.wait(0.05):
            samples.append(site.memory(*names))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield samples
    finally:
        stop.set()
        thread.join()


def test_six_webps_of_59_megapixels_at_once_keep_within_the_budget_of_pixels(site: Site) -> None:
    answers: list[tuple[int, Any]] = []
    photo = vast_webp()
    assert len(photo) < 10_000

    def attack() -> None:
        answers.extend(all_at_once(site, photo, "vast.webp", 6))

    with memory_watched(site, "query", "web") as samples:
        assert_undisturbed(site.port, attack)
    assert max(samples) - samples[0] < MEMORY_GROWTH_MAX
    for status, answer in answers:
        assert status == 200 or refusal(answer).startswith(("image.", "encoder.")), answer

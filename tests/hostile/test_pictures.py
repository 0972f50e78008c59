"""Pictures that are small to send and dear to decode."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.hostile.clients import assert_undisturbed
from tests.hostile.generators import scan_bomb, upload, vast_webp
from tests.hostile.site import MIB, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

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

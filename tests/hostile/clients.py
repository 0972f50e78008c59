"""Sixteen people search by photo while something else goes on: all are answered, and about as fast as before."""

from __future__ import annotations

import http.client
import io
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from django.core.files.base import ContentFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from PIL import Image

from tests.support.tiny_bundle import COLOURS

if TYPE_CHECKING:
    from collections.abc import Callable

CLIENTS = 16
QUIET_SECONDS = 3.0
SEARCHES_MIN = 160
"""Fewer say nothing about the 95th percentile."""

SLOWDOWN_MAX = 3.0
ANSWER_SECONDS = 60
PHOTOS = 64


@dataclass
class Searches:
    """What a number of searches came back with, and how long each took."""

    statuses: Counter[int | str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    @property
    def p95(self) -> float:
        """The 95th percentile of the seconds."""
        return float(np.percentile(self.seconds, 95))

    @property
    def all_answered(self) -> bool:
        """Whether every one was answered with 200."""
        return set(self.statuses) == {200}


@cache
def bodies() -> tuple[bytes, ...]:
    """Forms with photos that differ, so that few are answered from the cache."""
    return tuple(_body(number) for number in range(PHOTOS))


def _body(number: int) -> bytes:
    colours = list(COLOURS.values())
    pixels = np.full((240, 320, 3), colours[number % len(colours)], np.uint8)
    pixels[:, : 5 * (number + 1)] //= 2
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "JPEG")
    photo = ContentFile(target.getvalue(), f"{number}.jpg")
    return bytes(encode_multipart(BOUNDARY, {"image": photo, "limit": 3}))


class Clients:
    """Threads that search one photo after the other until they are stopped."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._found = Searches()
        self._threads = [threading.Thread(target=self._search, args=(number,)) for number in range(CLIENTS)]

    @property
    def count(self) -> int:
        """How many searches have come back."""
        return len(self._found.seconds)

    def start(self) -> None:
        """Let them begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> Searches:
        """Let them end their last search and return what all of them saw."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        return self._found

    def _search(self, number: int) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            status = search_once(self._port, number)
            with self._lock:
                self._found.statuses[status] += 1
                self._found.seconds.append(time.monotonic() - began)
            number += CLIENTS + 1


def search_once(port: int, number: int = 0) -> int | str:
    """Search by one photo; returns the status, or what went wrong, with the error's id where there is one."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        headers = {"Content-Type": MULTIPART_CONTENT}
        connection.request("POST", "/api/v1/search/", bodies()[number % PHOTOS], headers)
        answer = connection.getresponse()
        body = answer.read()
        return answer.status if answer.status == 200 else f"{answer.status} {_error_id(body)}"
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()


def _error_id(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["id"])
    except (ValueError, KeyError, TypeError):
        return repr(body[:60])


def quiet(port: int) -> Searches:
    """What the clients see while nothing else goes on."""
    clients = Clients(port)
    clients.start()
    _wait(clients, QUIET_SECONDS)
    return clients.stop()


def _wait(clients: Clients, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline or clients.count < SEARCHES_MIN:
        assert time.monotonic() < deadline + ANSWER_SECONDS, f"only {clients.count} searches came back"
        time.sleep(0.05)


def beside(port: int, attack: Callable[[], None]) -> Searches:
    """What the clients see while `attack` runs, which ends by itself; they go on until there are enough of them."""
    clients = Clients(port)
    clients.start()
    try:
        attack()
        _wait(clients, 0.5)
    finally:
        found = clients.stop()
    return found


def assert_undisturbed(port: int, attack: Callable[[], None]) -> None:
    """Every search beside the attack is answered, the 95th percentile at most three times the quiet one's.

    Both are measured in the same run, the quiet one right before. On two cores that others use, too, the comparison
    may be made a second time; that every search is answered, not.
    """
    for last_try in (False, True):
        alone = quiet(port)
        assert alone.all_answered, alone.statuses
        attacked = beside(port, attack)
        assert attacked.all_answered, attacked.statuses
        slowdown = attacked.p95 / alone.p95
        if slowdown <= SLOWDOWN_MAX:
            return
        assert not last_try, f"p95 {attacked.p95:.3f} s beside the attack, {alone.p95:.3f} s without it"

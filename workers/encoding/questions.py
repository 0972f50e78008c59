"""How questions reach a query worker: off their list in Redis, each to a thread of its own.

Celery's own consumer fetches one message at a time, each some milliseconds after the one before: photos that came
together would be decoded one after another and hardly share a batch.
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, cast

from redis import RedisError

from workers.encoding import wire

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)
WAIT_SECONDS = 1.0
"""How long one request to Redis waits: so long does an end take at most to be noticed."""
RETRY_SECONDS = 0.2


class ListTakers(ABC):
    """Threads that take what waits on a list in Redis while they are free, so that other workers get the rest.

    Free threads take turns at the list. The one that finds something leaves its turn to the next and works by itself:
    handing it on would wake another thread, which takes 0.2 ms before a photo is even read.
    """

    def __init__(self, key: str, threads: int, name: str, then: str = "") -> None:
        self._keys = [key, then] if then else [key]
        self._turn = threading.Lock()
        self._end = threading.Event()
        self.threads = [
            threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True)
            for number in range(threads)
        ]

    def start(self) -> None:
        """Take and work until stopped; while Redis is away try again."""
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        """Take nothing more, and finish what was taken."""
        self._end.set()
        for thread in self.threads:
            thread.join()

    @abstractmethod
    def _run(self) -> None:
        """Work in one thread until `self._end` is set."""

    def _take(self) -> bytes | None:
        """Wait for the turn, then a while for what comes."""
        with self._turn:
            if self._end.is_set():
                return None
            try:
                found = wire.client().blpop(self._keys, timeout=WAIT_SECONDS)
            except RedisError as error:
                log.warning("Redis does not tell what waits on %s: %s", self._keys[0], error)
                self._end.wait(RETRY_SECONDS)
                return None
        return cast("tuple[bytes, bytes]", found)[1] if found else None


class Questions(ListTakers):
    """Takes questions and has them answered; those of the list `then` only where none waits on the other."""

    def __init__(
        self, answer: Callable[[wire.Ask], None], threads: int, key: str | None = None, then: str = ""
    ) -> None:
        self._answer = answer
        super().__init__(key or wire.ASKED_KEY, threads, "answer", then)

    def _run(self) -> None:
        while not self._end.is_set():
            if data := self._take():
                self._answered(data)

    def _answered(self, data: bytes) -> None:
        try:
            ask = wire.Ask.read(data)
        except (ValueError, TypeError, KeyError):
            log.exception("A question cannot be read")
            return
        try:
            self._answer(ask)
        except Exception:
            log.exception("The question %s was not answered", ask.request_id)

"""How questions reach a query worker: off their list in Redis, all that wait at once, each to a thread of its own.

Celery's own consumer fetches one message at a time, each some milliseconds after the one before: photos that came
together would be decoded one after another and hardly share a batch.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from redis import RedisError

from workers import wire

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)
WAIT_SECONDS = 1.0
"""How long one request to Redis waits for a question: so long does an end take at most to be noticed."""
RETRY_SECONDS = 0.2


class Questions(threading.Thread):
    """Takes questions while threads are free, at most `threads` at a time, so that other workers get the rest."""

    def __init__(self, answer: Callable[[wire.Ask], None], threads: int) -> None:
        super().__init__(name="questions", daemon=True)
        self._answer = answer
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="answer")
        self._free = threading.Semaphore(threads)
        self._end = threading.Event()

    def run(self) -> None:
        """Take and answer until stopped; while Redis is away try again."""
        while not self._end.is_set():
            free = self._reserve()
            taken = self._take(free)
            if len(taken) < free:
                self._free.release(free - len(taken))
            for data in taken:
                self._start(data)

    def stop(self) -> None:
        """Take nothing more, and finish what was taken."""
        self._end.set()
        self.join(2 * WAIT_SECONDS)
        self._pool.shutdown()

    def _reserve(self) -> int:
        """Wait for a free thread; reserve all that are free and return their number."""
        self._free.acquire()
        free = 1
        while self._free.acquire(blocking=False):
            free += 1
        return free

    def _take(self, most: int) -> list[bytes]:
        """Wait a while for a question; return it and those behind it, in one request to Redis."""
        try:
            pipeline = wire.client().pipeline(transaction=False)
            pipeline.blpop([wire.ASKED_KEY], timeout=WAIT_SECONDS)
            if most > 1:
                pipeline.lpop(wire.ASKED_KEY, most - 1)
            first, *behind = pipeline.execute()
        except RedisError as error:
            log.warning("Redis does not tell the questions: %s", error)
            self._end.wait(RETRY_SECONDS)
            return []
        return [*([first[1]] if first else []), *(behind[0] if behind and behind[0] else [])]

    def _start(self, data: bytes) -> None:
        """Hand a question to a thread, which the caller has reserved."""
        try:
            ask = wire.Ask.read(data)
        except (ValueError, TypeError):
            log.exception("A question cannot be read")
            self._free.release()
            return
        self._pool.submit(self._answered, ask)

    def _answered(self, ask: wire.Ask) -> None:
        try:
            self._answer(ask)
        except Exception:
            log.exception("The question %s was not answered", ask.request_id)
        finally:
            self._free.release()

"""Many askers, one encoder: items that arrive together are encoded together.

Measured: handing items to one thread is both the simplest and the fastest way; a lone item waits for nobody.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")
R = TypeVar("R")

PATIENCE_SECONDS = (0.004, 0.25)
"""The least and the most that a batch waits, after its latest item, for the next announced one."""


@dataclass
class BatchMetrics:
    """What a batcher has done so far."""

    calls: int = 0
    items: int = 0
    largest: int = 0

    def count(self, size: int) -> None:
        """Note one call of the encoder with `size` items."""
        self.calls += 1
        self.items += size
        self.largest = max(self.largest, size)


class _OneAsked(NamedTuple, Generic[T, R]):
    """An item that waits; `context` is that of who asked, so that what is logged of this very item names them."""

    item: T
    future: Future[R]
    context: Context


class Batcher(Generic[T, R]):
    """Runs `encode` in one thread on what has arrived, at most `max_batch` items at a time.

    Whoever prepares an item (decodes a picture) may announce it with `expected()`; then those that came at the
    same time share a batch even where the encoder is faster than the preparation:

        with batcher.expected():
            future = batcher.submit(prepare(data))
        vector = future.result(timeout=…)

    After each item a batch waits for the next announced one as long as the latest preparation took: on a busy
    machine, where every preparation takes longer, so long that they still come together.
    """

    def __init__(self, encode: Callable[[list[T]], Sequence[R]], max_batch: int) -> None:
        self.metrics = BatchMetrics()
        self._encode = encode
        self._max_batch = max_batch
        self._waiting: deque[_OneAsked[T, R]] = deque()
        self._expected = 0
        self._patience = PATIENCE_SECONDS[0]
        self._latest = 0.0
        self._closed = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    @contextmanager
    def expected(self) -> Iterator[None]:
        """Announce one item; leave the block as soon as it is submitted, or when it will not come."""
        started = time.monotonic()
        with self._changed:
            self._expected += 1
        try:
            yield
        finally:
            with self._changed:
                self._expected -= 1
                least, most = PATIENCE_SECONDS
                self._patience = min(max(time.monotonic() - started, least), most)
                self._changed.notify_all()

    def submit(self, item: T) -> Future[R]:
        """Hand over one item; the future holds its result or the error of this very item.

        Raises RuntimeError after `close`.
        """
        future: Future[R] = Future()
        with self._changed:
            if self._closed:
                raise RuntimeError("The batcher is closed.")
            self._waiting.append(_OneAsked(item, future, copy_context()))
            self._latest = time.monotonic()
            self._ensure_thread()
            self._changed.notify_all()
        return future

    def close(self) -> None:
        """Take nothing more, finish what was submitted, and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread:
            self._thread.join()

    def _ensure_thread(self) -> None:
        """Start with the first item: a thread would not survive the fork of a process that had it before."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="batcher", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while batch := self._next_batch():
            asked = [one for one in batch if one.future.set_running_or_notify_cancel()]
            if asked:
                self._answer(asked)

    def _next_batch(self) -> list[_OneAsked[T, R]]:
        """Wait for items; return them, or nothing when the batcher is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            while self._worth_waiting() and (left := self._latest + self._patience - time.monotonic()) > 0:
                self._changed.wait(left)
            return [self._waiting.popleft() for _ in range(min(len(self._waiting), self._max_batch))]

    def _worth_waiting(self) -> bool:
        return self._expected > 0 and len(self._waiting) < self._max_batch and not self._closed

    def _answer(self, asked: list[_OneAsked[T, R]]) -> None:
        """Encode all at once; where that fails, each alone, so that a bad item spoils nobody else's answer."""
        items = [one.item for one in asked]
        try:
            results = asked[0].context.run(self._encoded, items) if len(asked) == 1 else self._encoded(items)
        except Exception as error:  # noqa: BLE001  whatever it is, it belongs to the asker, not to this thread
            if len(asked) == 1:
                asked[0].future.set_exception(error)
                return
            for one in asked:
                self._answer([one])
            return
        for one, result in zip(asked, results, strict=True):
            one.future.set_result(result)

    def _encoded(self, items: list[T]) -> Sequence[R]:
        self.metrics.count(len(items))
        results = self._encode(items)
        if len(results) != len(items):
            raise RuntimeError(f"The encoder answered {len(results)} of {len(items)} items.")
        return results

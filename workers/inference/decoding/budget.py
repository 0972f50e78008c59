"""The memory that may be in use at once, given out fairly."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATIENCE_SECONDS = 1.0
"""How long smaller requests may overtake one that does not fit yet; then all wait until it had its turn."""


class BudgetTimeoutError(Exception):
    """The wait for memory took too long."""


@dataclass(eq=False)
class _Waiting:
    amount: int
    since: float = field(default_factory=time.monotonic)


class Budget:
    """So many bytes for all threads together. What asks for more than there is gets all of it."""

    def __init__(self, total: int) -> None:
        self._free = self._total = total
        self._queue: list[_Waiting] = []
        self._changed = threading.Condition()

    @property
    def free(self) -> int:
        """How much is not in use."""
        return self._free

    @contextmanager
    def reserved(self, amount: int, timeout_seconds: float) -> Iterator[None]:
        """Hold `amount` bytes during the block; raises BudgetTimeoutError where they do not get free in time."""
        amount = min(amount, self._total)
        self._take(amount, timeout_seconds)
        try:
            yield
        finally:
            with self._changed:
                self._free += amount
                self._changed.notify_all()

    def _take(self, amount: int, timeout_seconds: float) -> None:
        waiting = _Waiting(amount)
        with self._changed:
            self._queue.append(waiting)
            try:
                if not self._changed.wait_for(lambda: self._may_start(waiting), timeout_seconds):
                    raise BudgetTimeoutError
                self._free -= amount
            finally:
                self._queue.remove(waiting)
                self._changed.notify_all()

    def _may_start(self, waiting: _Waiting) -> bool:
        """Whether it fits, and nobody before it has been waiting for long."""
        before = self._queue[: self._queue.index(waiting)]
        patient_until = time.monotonic() - _PATIENCE_SECONDS
        return waiting.amount <= self._free and all(other.since > patient_until for other in before)

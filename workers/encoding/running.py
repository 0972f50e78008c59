"""What all threads of a worker process share and start at the first need: one for each set of limits, ended with it."""

from __future__ import annotations

import atexit
import threading
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable


class _Closes(Protocol):
    def close(self) -> None:
        """End its processes."""
        ...


Limits = TypeVar("Limits", bound="Hashable")
Crew = TypeVar("Crew", bound=_Closes)


class Running(Generic[Limits, Crew]):
    """The crews of processes that stand, by their limits."""

    def __init__(self, start: Callable[[Limits], Crew]) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._standing: dict[Limits, Crew] = {}
        atexit.register(self.close)

    def under(self, limits: Limits) -> Crew:
        """Return the crew under these limits, started where there is none."""
        with self._lock:
            if limits not in self._standing:
                self._standing[limits] = self._start(limits)
            return self._standing[limits]

    def close(self) -> None:
        """End all of them."""
        with self._lock:
            while self._standing:
                self._standing.popitem()[1].close()

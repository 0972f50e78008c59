"""What was looked up is kept in this process for some seconds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """Values by their keys, `most` at a time, each for `seconds`. Two threads may look the same one up at once."""

    def __init__(self, seconds: float, most: int) -> None:
        self.seconds, self._most = seconds, most
        self._values: dict[Hashable, tuple[float, Value]] = {}

    def get(self, key: Hashable, look_up: Callable[[], Value]) -> Value:
        """Return the value of a key, looked up where it is not known or too old."""
        return self.renewed(key, lambda _: look_up())

    def renewed(self, key: Hashable, look_up: Callable[[Value | None], Value]) -> Value:
        """Return the same; `look_up` is given the value that is too old, None without one: it may still hold."""
        known = self._values.get(key)
        if known is None or time.monotonic() - known[0] > self.seconds:
            if len(self._values) >= self._most:
                self._values.clear()
            value = look_up(known[1] if known else None)
            known = self._values[key] = (time.monotonic(), value)
        return known[1]

    def clear(self) -> None:
        """Forget all, so that everything is looked up when it is next asked for."""
        self._values.clear()

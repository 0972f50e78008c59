"""Whether the other side keeps up: in each period it must move its share of bytes, and credit is not saved up."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass
class Pace:
    """Begins with the first byte that is owed; every `seconds`, at least `seconds` × `bytes_per_second` must move."""

    seconds: float
    bytes_per_second: int
    began_at: float = field(default_factory=time.monotonic)
    moved_bytes: int = 0

    def note(self, count: int) -> None:
        """Note bytes that moved; a full share begins the next period."""
        self.moved_bytes += count
        if self.moved_bytes >= self.seconds * self.bytes_per_second:
            self.begin()

    def begin(self) -> None:
        """Begin a period."""
        self.began_at, self.moved_bytes = time.monotonic(), 0

    def overdue(self, now: float) -> bool:
        """Return whether the period is over."""
        return now - self.began_at > self.seconds

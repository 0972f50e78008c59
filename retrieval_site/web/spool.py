"""Where bodies wait until they are there: in SPOOL_DIR, counted, and gone after a kill."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock

IN_MEMORY_MAX = 32
"""How many bodies at once may be in memory up to 1 MiB."""
OPEN_SHARE = 8
"""Bodies that anybody may send get an eighth of the room: the others are left to those who may import."""


@dataclass
class Spool:
    """The bytes of all bodies that are held at once."""

    max_bytes: int
    held_bytes: int = 0
    open_bytes: int = 0
    in_memory: int = 0
    _lock: Lock = field(default_factory=Lock)

    def take(self, count: int, *, asked: bool) -> bool:
        """Count bytes that arrived; return False, and count nothing, where there is no room for them."""
        with self._lock:
            if self.held_bytes + count > self.max_bytes:
                return False
            if not asked and self.open_bytes + count > self.max_bytes // OPEN_SHARE:
                return False
            self.held_bytes += count
            self.open_bytes += 0 if asked else count
            return True

    def take_memory(self) -> bool:
        """Return whether one more body may be in memory, and count it."""
        with self._lock:
            if self.in_memory >= IN_MEMORY_MAX:
                return False
            self.in_memory += 1
            return True

    def give_back_memory(self) -> None:
        """Count a body in memory that is gone."""
        with self._lock:
            self.in_memory -= 1

    def give_back(self, count: int, *, asked: bool) -> None:
        """Count bytes that are gone."""
        with self._lock:
            self.held_bytes -= count
            self.open_bytes -= 0 if asked else count

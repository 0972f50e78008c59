"""Limits of memory for our own processes, and how much one of them holds."""

from __future__ import annotations

import logging
import os
import resource
import signal
import threading
from contextlib import suppress
from pathlib import Path

import psutil

from retrieval_site.config import MIB

LOOK_SECONDS = 5.0
LOOKS_MAX = 6
"""A process that is over its share for as many looks in a row does not need it for one request: it has leaked."""

LIBRARIES_BYTES = 1 << 30
"""Libraries reserve more than they use, so the limit that the kernel keeps is wider than the one that is watched."""

_FIRST_FOR_THE_KERNEL = "1000"
_GPU = Path("/dev/nvidiactl")

log = logging.getLogger(__name__)


def limit_data(limit_bytes: int) -> None:
    """Let this process's private memory grow to `limit_bytes` at most: allocating more raises MemoryError.

    The soft limit alone is set, so a child process may have a larger one of its own. Where there is a GPU there is no
    such limit, since its driver reserves private memory without using it.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = resource.RLIM_INFINITY if _GPU.exists() else limit_bytes
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (allowed, hard))


def die_first() -> None:
    """Have the kernel end this process before any other, should the machine's memory run out all the same."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_FOR_THE_KERNEL)


def resident_bytes(pid: int) -> int:
    """Return how much memory a process holds, 0 for one that has ended."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


class MemoryWatch(threading.Thread):
    """Asks this process to end, as the supervisor would, once it has held too much memory for half a minute.

    Whoever started it starts it again. What is at work is finished first.
    """

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(name="memory", daemon=True)
        self._limit_bytes = limit_bytes
        self._over = 0
        self._end = threading.Event()

    def run(self) -> None:
        """Look until the process ends."""
        while not self._end.wait(LOOK_SECONDS):
            self.look()

    def look(self) -> None:
        """Look once."""
        held = resident_bytes(os.getpid())
        self._over = self._over + 1 if held > self._limit_bytes else 0
        if self._over >= LOOKS_MAX:
            log.error("This process holds %d MB of memory: it ends and is started again", held // MIB)
            self._end.set()
            os.kill(os.getpid(), signal.SIGTERM)


def keep_within(limit_bytes: int) -> None:
    """Limit this process for good, and have it ended should it stay near the limit."""
    limit_data(limit_bytes)
    MemoryWatch(limit_bytes * 3 // 4).start()

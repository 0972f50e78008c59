"""Limits of memory for our own processes, and how much one of them holds."""

from __future__ import annotations

import resource
from contextlib import suppress
from pathlib import Path

import psutil

MIB = 1024 * 1024
_FIRST_FOR_THE_KERNEL = "1000"


def limit_data(limit_bytes: int) -> None:
    """Let this process's private memory grow to `limit_bytes` at most: allocating more raises MemoryError.

    The soft limit alone is set, so a child process may have a larger one of its own.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    allowed = limit_bytes if hard == resource.RLIM_INFINITY else min(limit_bytes, hard)
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

"""How much memory this process's machine, or its container, has."""

from __future__ import annotations

from pathlib import Path

import psutil

_CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),  # version 2
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),  # version 1
)


def memory_bytes(limits: tuple[Path, ...] = _CGROUP_LIMITS) -> int:
    """Return the machine's memory in bytes, or the container's limit where that is smaller."""
    total = int(psutil.virtual_memory().total)
    for path in limits:
        text = path.read_text().strip() if path.is_file() else ""
        if text.isdigit():
            total = min(total, int(text))
    return total

"""A note of the processes that were started, so that the next start can end what outlived a kill -9.

The kernel's death signal ends them as a rule; this is for what it cannot reach (a child in the middle of exec, a
server that takes its time).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from pathlib import Path

END_TIMEOUT_SECONDS = 10.0


def remember_children(file: Path, pids: list[int]) -> None:
    """Write the process ids with their start times, which together name a process for good."""
    known = []
    for pid in pids:
        try:
            known.append([pid, psutil.Process(pid).create_time()])
        except psutil.NoSuchProcess:
            continue
    beside = file.with_suffix(".new")
    beside.write_text(json.dumps(known))
    beside.replace(file)


def end_leftovers(file: Path, *, spare: str = "postgres") -> int:
    """Kill the noted processes that still run and return how many; a database server is left to its own start.

    PostgreSQL is stopped cleanly by `clear_stale_pid_file`; everything else loses nothing by being killed.
    """
    left = [process for process in _noted(file) if process.name() != spare]
    for process in left:
        process.kill()
    psutil.wait_procs(left, timeout=END_TIMEOUT_SECONDS)
    file.unlink(missing_ok=True)
    return len(left)


def _noted(file: Path) -> list[psutil.Process]:
    try:
        known = json.loads(file.read_text())
    except (OSError, ValueError):
        return []
    found = []
    for pid, created in known:
        try:
            process = psutil.Process(pid)
            if process.create_time() == created and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found

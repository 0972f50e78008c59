"""A note of the processes that were started, so that the next start can end what outlived a kill -9.

The kernel's death signal ends the children; this is for what it cannot reach: their own children, such as a pool
that draws pictures, and a server that takes its time.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psutil

from retrieval_site.supervisor.sessions import members

if TYPE_CHECKING:
    from pathlib import Path

END_TIMEOUT_SECONDS = 10.0
# PostgreSQL is stopped cleanly by `clear_stale_pid_file`; everything else loses nothing by being killed.
SPARED = "postgres"


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


def end_leftovers(file: Path) -> int:
    """Kill what is left of the noted processes and of their sessions; return how many processes that were."""
    left = [process for process in _left(file) if _name(process) != SPARED]
    for process in left:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(left, timeout=END_TIMEOUT_SECONDS)
    file.unlink(missing_ok=True)
    return len(left)


def _left(file: Path) -> list[psutil.Process]:
    try:
        known = json.loads(file.read_text())
    except (OSError, ValueError):
        return []
    return [process for pid, created in known for process in members(pid, created)]


def _name(process: psutil.Process) -> str:
    try:
        return str(process.name())
    except psutil.NoSuchProcess:
        return ""

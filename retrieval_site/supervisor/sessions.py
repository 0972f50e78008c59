"""Every child leads a session of its own, so that its own children (pools, guarded processes) can be found and ended.

A session's number is not given to a new process as long as one of its members lives.
"""

from __future__ import annotations

import os

import psutil


def members(session: int, leader_created: float | None = None) -> list[psutil.Process]:
    """Return the living processes of a session, whether or not its leader is still among them.

    With `leader_created`, an empty list if the number belongs to a younger process than the one that was meant.
    """
    if leader_created is not None and _created(session) not in (None, leader_created):
        return []
    return [process for process in psutil.process_iter() if _is_member(process, session)]


def end_session(session: int) -> int:
    """Kill what is left of a session whose leader has ended; return how many processes that were."""
    left = members(session)
    for process in left:
        _kill(process)
    return len(left)


def _is_member(process: psutil.Process, session: int) -> bool:
    try:
        return os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, psutil.NoSuchProcess):
        return False


def _created(pid: int) -> float | None:
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return None


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return

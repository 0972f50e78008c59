"""A folder for a process's temporary files that goes with it, also after a kill."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

PASSABLE = 0o711


def use_own_folder(root: Path, *, passable: bool = False) -> int:
    """Let this process's temporary files lie in a folder of its own below `root`; return its lock's descriptor.

    Folders of processes that have ended are removed; one that lives, here or on another machine, holds its lock.
    `passable`: `root` lies where others may write, and other accounts may go through it, as sandboxed processes do,
    but not look. Raises PermissionError where it is somebody else's.
    """
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    if passable:
        _let_through(root)
    starting = _lock(root, wait=True)  # nobody removes a folder between its making and its locking
    for folder in root.iterdir():
        _remove_abandoned(folder)
    own = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=root))
    if passable:
        own.chmod(PASSABLE)
    descriptor = _lock(own)
    os.close(starting)
    tempfile.tempdir = str(own)
    return descriptor


def _let_through(root: Path) -> None:
    if root.is_symlink() or root.lstat().st_uid != os.getuid():
        raise PermissionError(f"{root} belongs to somebody else.")
    root.chmod(PASSABLE)


def _lock(folder: Path, *, wait: bool = False) -> int:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        os.close(descriptor)
        raise
    return descriptor


def _remove_abandoned(folder: Path) -> None:
    try:
        descriptor = _lock(folder)
    except OSError:
        return
    shutil.rmtree(folder, ignore_errors=True)
    os.close(descriptor)

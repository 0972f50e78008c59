"""A folder for a process's temporary files that goes with it, also after a kill.

What is locked is a file beside each folder, opened for writing: NFS takes such a lock to its server, so that machines
see each other's, while that of a directory would be known on one machine alone.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSABLE = 0o711
LOCK_SUFFIX = ".lock"
STARTING = f"starting{LOCK_SUFFIX}"


def use_own_folder(root: Path, *, passable: bool = False) -> int:
    """Let this process's temporary files lie in a folder of its own below `root`; return its lock's descriptor.

    Folders of processes that have ended are removed; one that lives, here or on another machine, holds its lock.
    `passable`: `root` lies where others may write, and other accounts may go through it, as sandboxed processes do,
    but not look. Raises PermissionError where it is somebody else's.
    """
    own, descriptor = _made(root, passable=passable)
    tempfile.tempdir = str(own)
    return descriptor


@contextmanager
def own_folder(root: Path) -> Iterator[Path]:
    """Give a folder below `root` and remove it afterwards; after a kill, the next one to begin there removes it."""
    own, descriptor = _made(root, passable=True)
    try:
        yield own
    finally:
        shutil.rmtree(own, ignore_errors=True)
        _lock_file(own).unlink(missing_ok=True)
        os.close(descriptor)


def temporary_root() -> Path:
    """Return the folder of this account's own folders on this machine, below that of temporary files."""
    return Path(tempfile.gettempdir()) / f"sightline-temporary-{os.getuid()}"


def _made(root: Path, *, passable: bool) -> tuple[Path, int]:
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    if passable:
        _let_through(root)
    starting = _lock(root / STARTING, wait=True)  # nobody removes a folder between its making and its locking
    _remove_abandoned(root)
    own = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=root))
    if passable:
        own.chmod(PASSABLE)
    descriptor = _lock(_lock_file(own))
    os.close(starting)
    return own, descriptor


def _let_through(root: Path) -> None:
    if root.is_symlink() or root.lstat().st_uid != os.getuid():
        raise PermissionError(f"{root} belongs to somebody else.")
    root.chmod(PASSABLE)


def _lock_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}{LOCK_SUFFIX}")


def _lock(file: Path, *, wait: bool = False) -> int:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _remove_abandoned(root: Path) -> None:
    """Remove what no living process holds; a lock without a folder is left by a kill between the two."""
    names = {path.name.removesuffix(LOCK_SUFFIX) for path in root.iterdir() if path.name != STARTING}
    for folder in (root / name for name in sorted(names)):
        try:
            descriptor = _lock(_lock_file(folder))
        except OSError:
            continue
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            _lock_file(folder).unlink(missing_ok=True)
        os.close(descriptor)

"""A view of the file system of this process alone, in which another user reaches what it needs and nothing beside it.

Where Python or the data folder lies below a folder that only root may enter (`/root`, mode 700), a process that gave up
root could not import anything. So an empty folder is laid over the closed one, and in it only what is needed appears.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNS = 0x2_0000
_NOSUID, _NODEV, _BIND, _REC, _PRIVATE = 2, 4, 0x1000, 0x4000, 1 << 18
_O_PATH = 0x20_0000


def open_ways(places: Sequence[Path], user: int) -> bool:
    """Make every place reachable for `user`, to whom the rest of the closed folders looks empty.

    Only for root, and for good. False where this kernel or container does not permit it; nothing is changed then.
    """
    closed = _closed_folders(places, user)
    if not closed:
        return True
    if _LIBC.unshare(_CLONE_NEWNS) != 0 or not _mount(None, Path("/"), None, _REC | _PRIVATE):
        return False
    # A second time for what lies below a folder that is closed within one that was opened.
    for _ in range(3):
        if not all(_open_way(folder, places) for folder in closed):
            return False
        closed = _closed_folders(places, user)
        if not closed:
            return True
    return False


def _closed_folders(places: Iterable[Path], user: int) -> list[Path]:
    """Return the outermost folders on the way to the places that `user` may not enter."""
    found: set[Path] = set()
    os.seteuid(user)
    try:
        for place in places:
            closed = [folder for folder in reversed(place.parents) if not _may_enter(folder)]
            found.update(closed[:1])
    finally:
        os.seteuid(0)
    return sorted(found)


def _may_enter(folder: Path) -> bool:
    return os.access(folder, os.X_OK, effective_ids=True)


def _open_way(closed: Path, places: Iterable[Path]) -> bool:
    inner = _outermost(place for place in places if closed in place.parents)
    # Held open, since the path to them is about to disappear.
    held = {place: os.open(place, _O_PATH | os.O_CLOEXEC) for place in inner}
    try:
        if not _mount("tmpfs", closed, "tmpfs", _NOSUID | _NODEV, b"mode=755,size=1m"):
            return False
        for place, folder in held.items():
            place.mkdir(parents=True, exist_ok=True)
            if not _mount(f"/proc/self/fd/{folder}", place, None, _BIND | _REC):
                return False
    finally:
        for folder in held.values():
            os.close(folder)
    return True


def _outermost(places: Iterable[Path]) -> list[Path]:
    """Return the places that lie in none of the others."""
    chosen: list[Path] = []
    for place in sorted(set(places)):
        if not any(other == place or other in place.parents for other in chosen):
            chosen.append(place)
    return chosen


def _mount(
    source: str | None, target: Path, kind: str | None, flags: int, options: bytes | None = None
) -> bool:
    given = [None if text is None else text.encode() for text in (source, str(target), kind)]
    done: int = _LIBC.mount(given[0] or b"none", given[1], given[2], ctypes.c_ulong(flags), options)
    return done == 0

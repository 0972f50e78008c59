"""Storing a file in a folder: a reader, or a start after kill -9, sees the whole file or none."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.core.files.base import File

CHUNK_BYTES = 1024 * 1024
INCOMING = "incoming"
"""Folder beside the blobs for files that are still being written; on one file system, so that renaming is atomic."""


def folder_put(path: Path, content: File[bytes], size: int, *, durable: bool) -> None:
    """Write beside and rename, unless a file of this size is there; what is `durable` survives a power cut."""
    if path.is_file() and path.stat().st_size == size:
        return
    incoming = path.parent.parent / INCOMING
    changed = _folder_make(path.parent)
    _folder_make(incoming)
    descriptor, name = tempfile.mkstemp(dir=incoming)
    try:
        _write(descriptor, content, durable=durable)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    for folder in changed if durable else ():
        folder_sync(folder)


def _folder_make(folder: Path) -> list[Path]:
    """Make a folder; return it and those above it that got a new name in them by that."""
    changed = [folder]
    while not changed[-1].is_dir():
        changed.append(changed[-1].parent)
    if len(changed) > 1:
        folder.mkdir(parents=True, exist_ok=True)
    return changed


def folder_sync(folder: Path) -> None:
    """Flush a folder, so that a name in it survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(descriptor: int, content: File[bytes], *, durable: bool) -> None:
    content.seek(0)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), 0o644)
        shutil.copyfileobj(content, file, CHUNK_BYTES)
        file.flush()
        if durable:
            os.fsync(file.fileno())

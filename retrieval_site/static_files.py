"""Collecting static files with hashed names, only when one of them changed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command

if TYPE_CHECKING:
    from pathlib import Path

STAMP = ".stamp"


def collect_static(root: Path) -> bool:
    """Collect into `root` unless nothing changed since the last time; return whether it was done."""
    state = _state()
    stamp = root / STAMP
    if stamp.is_file() and stamp.read_text() == state:
        return False
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    stamp.write_text(state)
    return True


def _state() -> str:
    """Return a digest of every static file's name, size and time: hashing their bytes would take as long as copying."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in sorted(finder.list(None), key=lambda found: str(found[0])):
            changed = storage.get_modified_time(name).timestamp()
            digest.update(f"{name} {storage.size(name)} {changed}\n".encode())
    return digest.hexdigest()

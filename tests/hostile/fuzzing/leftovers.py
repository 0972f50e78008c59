"""What an input left on disk."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from django.core.files.storage import default_storage

if TYPE_CHECKING:
    from collections.abc import Iterator


class LeftOverError(Exception):
    """Files that nobody took away."""


def temporary_files() -> set[str]:
    """Names in the folder for temporary files, which is this process's own while inputs are tried."""
    return {path.name for path in Path(tempfile.gettempdir()).iterdir() if not _of_starting_child(path.name)}


def _of_starting_child(name: str) -> bool:
    """A further decoder is started beside the work; its folder is gone once it stands."""
    return name.startswith("sightline-sandbox-")


def stored_files() -> set[Path]:
    """Every file of the blob storage."""
    folders = os.walk(default_storage.path(""))
    return {Path(folder) / name for folder, _, names in folders for name in names}


@contextmanager
def nothing_left() -> Iterator[None]:
    """Raise LeftOverError for temporary files; stored ones are removed, as the rows that named them are rolled back."""
    before, stored = temporary_files(), stored_files()
    yield
    for path in stored_files() - stored:
        path.unlink(missing_ok=True)
    if left := temporary_files() - before:
        raise LeftOverError(f"temporary files are left: {sorted(left)}")


@contextmanager
def own_temporary_folder() -> Iterator[Path]:
    """Let this process's temporary files go into a folder of their own."""
    before = tempfile.tempdir
    tempfile.tempdir = tempfile.mkdtemp(prefix="sl-fuzz-tmp-")
    try:
        yield Path(tempfile.tempdir)
    finally:
        shutil.rmtree(tempfile.tempdir, ignore_errors=True)
        tempfile.tempdir = before

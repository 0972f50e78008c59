"""What an input left on disk."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Iterator


class LeftOverError(Exception):
    """Files that nobody took away."""


def temporary_files() -> set[str]:
    """Names in the folder for temporary files, which is this process's own while inputs are tried."""
    return {path.name for path in Path(tempfile.gettempdir()).iterdir()}


def stored_files() -> set[Path]:
    """Every file in the data folder."""
    return {path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()}


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
def own_temporary_folder() -> Iterator[None]:
    """Let this process's temporary files go into a folder of their own."""
    before = tempfile.tempdir
    tempfile.tempdir = tempfile.mkdtemp(prefix="sl-fuzz-tmp-")
    try:
        yield
    finally:
        shutil.rmtree(tempfile.tempdir, ignore_errors=True)
        tempfile.tempdir = before

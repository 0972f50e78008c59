"""Files that were chosen together become one zip, so that one import reads them all."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.core.files.base import File

from search.photo_batches.packing import pack

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from django.core.files.uploadedfile import UploadedFile


_CHUNK_BYTES = 1 << 20


@contextmanager
def together(uploads: Sequence[UploadedFile[bytes]]) -> Iterator[File[bytes]]:
    """Give the one file that was chosen as it is, or a zip of several; memory stays constant."""
    if len(uploads) == 1:
        yield uploads[0]
        return
    with tempfile.TemporaryFile() as target:
        pack(uploads, target, "file")
        yield File(target, name=f"{len(uploads)} files")


@contextmanager
def together_by_path(files: Sequence[tuple[str, Path]]) -> Iterator[File[bytes]]:
    """Give one file as it is, or a zip of several under their names, which keep their folders."""
    name, path = files[0]
    if len(files) == 1 and "/" not in name:
        with path.open("rb") as opened:
            yield File(opened, name=name)
        return
    with tempfile.TemporaryFile() as target:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
            for each, place in files:
                _add(archive, each, place)
        yield File(target, name=f"{len(files)} files" if len(files) > 1 else name)


def _add(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    with path.open("rb") as source, archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as member:
        shutil.copyfileobj(source, member, _CHUNK_BYTES)

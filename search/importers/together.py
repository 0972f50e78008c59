"""Files that were chosen together become one zip, so that one import reads them all."""

from __future__ import annotations

import tempfile
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.core.files.base import File

from search.photo_batches.packing import free_name, plain_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.core.files.uploadedfile import UploadedFile


@contextmanager
def together(uploads: Sequence[UploadedFile[bytes]]) -> Iterator[File[bytes]]:
    """Give the one file that was chosen as it is, or a zip of several; memory stays constant."""
    if len(uploads) == 1:
        yield uploads[0]
        return
    with tempfile.TemporaryFile() as target:
        _pack(uploads, target)
        yield File(target, name=f"{len(uploads)} files")


def _pack(uploads: Sequence[UploadedFile[bytes]], target: Any) -> None:
    taken: set[str] = set()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for number, upload in enumerate(uploads, 1):
            name = free_name(plain_name(upload.name, f"file {number}"), number, taken)
            with archive.open(name, "w", force_zip64=True) as member:
                for chunk in upload.chunks():
                    member.write(chunk)

"""Files that were chosen together become one zip, so that one import reads them all."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.core.files.base import File

from search.photo_batches.packing import pack

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
        pack(uploads, target, "file")
        yield File(target, name=f"{len(uploads)} files")

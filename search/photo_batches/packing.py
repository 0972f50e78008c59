"""Photos that were chosen together become one zip, so that a job reads every batch alike."""

from __future__ import annotations

import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.files.base import File

from retrieval_site.errors import AppError
from search.services.uploads import picture_too_large
from workers.formats.zips import STARTS
from workers.jobs.services import storable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.core.files.uploadedfile import UploadedFile

PHOTOS_MAX = 500
"""Photos of one batch."""
NAME_MAX = 200


@contextmanager
def packed(uploads: Sequence[UploadedFile[bytes]]) -> Iterator[tuple[File[bytes], str]]:
    """Give one zip of what was chosen, with a name for it: the zip that was sent, or one of the photos.

    Raises AppError `photos.none`, `photos.too_many`, `photos.too_large`, `image.empty`, `image.too_large`.
    """
    if not uploads:
        raise AppError("photos.none")
    if sum(upload.size or 0 for upload in uploads) > settings.CONFIG.photos_max_bytes:
        raise AppError("photos.too_large", limit_bytes=settings.CONFIG.photos_max_bytes)
    first = uploads[0]
    if len(uploads) == 1 and _is_zip(first):
        yield first, _plain_name(first.name, "photos.zip")
        return
    if len(uploads) > PHOTOS_MAX:
        raise AppError("photos.too_many", limit=PHOTOS_MAX)
    _check_sizes(uploads)
    with tempfile.TemporaryFile() as target:
        pack(uploads, target, "photo")
        count = len(uploads)
        yield File(target), f"{count} photos" if count > 1 else _plain_name(first.name, "photo")


def _is_zip(upload: UploadedFile[bytes]) -> bool:
    upload.seek(0)
    start = upload.read(4)
    upload.seek(0)
    return start in STARTS


def _check_sizes(uploads: Sequence[UploadedFile[bytes]]) -> None:
    for upload in uploads:
        if not upload.size:
            raise AppError("image.empty")
        if upload.size > settings.CONFIG.picture_max_bytes:
            raise picture_too_large(settings.CONFIG.picture_max_bytes)


def pack(uploads: Sequence[UploadedFile[bytes]], target: Any, kind: str) -> None:
    """Write what was chosen into a zip, each under a name of its own; one without a name is `kind` and its number."""
    taken: set[str] = set()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for number, upload in enumerate(uploads, 1):
            name = _free_name(_plain_name(upload.name, f"{kind} {number}"), number, taken)
            with archive.open(name, "w", force_zip64=True) as member:
                for chunk in upload.chunks():
                    member.write(chunk)


def _plain_name(name: str | None, otherwise: str) -> str:
    """Return a file's own name, without folders and what no name may hold."""
    last = PurePosixPath(storable(name or "").replace("\\", "/")).name
    plain = "".join(sign for sign in last if sign.isprintable() and sign != ":")[-NAME_MAX:].strip(". ")
    return plain or otherwise


def _free_name(name: str, number: int, taken: set[str]) -> str:
    """Return the name, or another one like it where a photo before has it: phones call many `image.jpg`."""
    stem, dot, suffix = name.rpartition(".")
    free = (
        name
        if name not in taken
        else f"{stem or suffix} ({number}){dot if stem else ''}{suffix if stem else ''}"
    )
    taken.add(free)
    return free

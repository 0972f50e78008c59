"""Putting stored files back from a place of backups: those that rows name and that are missing or damaged."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.core.files.base import File

from retrieval_site.errors import AppError
from workers.backup.create import silent
from workers.backup.files import content_fetch
from workers.backup.manifest import BackupManifest, blob_name, manifests_of
from workers.backup.sealing import Sealing
from workers.models import Blob
from workers.storage.blobs import file_is_whole, file_replace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from workers.backup.places import BackupPlace

SAY_EVERY = 1_000
_LOCKED = ("backup.key_needed", "backup.key_wrong")


@dataclass
class FilesRestored:
    """How many files rows name, how many of them were put back, and which are in no backup of the place."""

    seen: int = 0
    restored: int = 0
    missing: list[str] = field(default_factory=list)


def stored_file_restore(place: BackupPlace, key: str, sealing: Sealing, blob: Blob) -> None:
    """Put one file back, in place of what the storage has under its name; raises AppError `backup.*`."""
    with tempfile.TemporaryFile() as copy:
        size = content_fetch(place, blob_name(key, blob.pk), sealing, copy, blob.pk)
        file_replace(blob.storage_name, File(copy), size)


def files_restore(
    *,
    place: BackupPlace,
    manifests: list[BackupManifest],
    identities: tuple[str, ...] = (),
    say: Callable[[str], object] = silent,
) -> FilesRestored:
    """Put back what rows name and the storage has lost, or has damaged, from any backup of a place; nothing else.

    The site may run meanwhile. Raises AppError `backup.key_needed` and `backup.key_wrong` where a file is there and
    cannot be opened.
    """
    sealings = {one.key: Sealing(tuple(one.recipients), identities) for one in manifests}
    done = FilesRestored()
    for blob in Blob.objects.order_by("pk").iterator():
        done.seen += 1
        if done.seen % SAY_EVERY == 0:
            say(f"{done.seen:,} files seen, {done.restored:,} put back")
        if file_is_whole(blob.storage_name, blob.pk):
            continue
        if _found_and_restored(place, sealings, blob):
            done.restored += 1
        else:
            done.missing.append(blob.pk)
    return done


def manifests_for_files(place: BackupPlace) -> list[BackupManifest]:
    """Return what can be read of a place's manifests; raises AppError `backup.none`, or why none of them can."""
    found = [one for _, one in manifests_of(place)]
    readable = [one for one in found if isinstance(one, BackupManifest)]
    if readable:
        return readable
    raise next((one for one in found if isinstance(one, AppError)), AppError("backup.none"))


def _found_and_restored(place: BackupPlace, sealings: Mapping[str, Sealing], blob: Blob) -> bool:
    """Try plain files first, then those for each set of recipients."""
    refusal = None
    for key, sealing in sorted(sealings.items()):
        if place.size(blob_name(key, blob.pk)) is None:
            continue
        try:
            stored_file_restore(place, key, sealing, blob)
        except AppError as error:
            if error.id not in (*_LOCKED, "backup.damaged"):
                raise
            refusal = error if error.id in _LOCKED else refusal
        else:
            return True
    if refusal:
        raise refusal
    return False

"""Removing stored files that have no row: it was rolled back, the database is an earlier one, a move broke off.

Names stand for contents, so all of the storage is listed, one of 256 folders at a time, and compared with the rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from django.core.files.storage import default_storage
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from retrieval_site.errors import AppError
from workers.models import Blob
from workers.storage.names import blob_named
from workers.storage.sweeping import Swept, copies_folders, removal_allowed

if TYPE_CHECKING:
    from collections.abc import Iterator

YOUNG = timedelta(days=1)
"""No transaction that will write a file's row is open for so long."""
AT_ONCE = 10_000
"""Files: further ones are left to the next sweep."""
FEW = 10
"""Files: so many go even where they are most of all that is stored."""
BATCH_FILES = 1_000
ROW_WAIT = "5s"


@dataclass
class _Found:
    """How many files were looked at, and those of them that may go."""

    files: int = 0
    strays: list[str] = field(default_factory=list)


def strays_sweep(*, dry_run: bool = False, over_half: bool = False) -> Swept:
    """Remove files older than a day that have no row, and return how many went, or would.

    Where they are more than half of what is stored, the database is probably another one than the files': then none
    goes unless `over_half`, and AppError `blob.unnamed` is raised. Raises AppError `storage.*`.
    """
    found = _find()
    if not over_half and len(found.strays) > max(FEW, found.files / 2):
        raise AppError("blob.unnamed", strays=len(found.strays), files=found.files)
    removed = Swept(0, 0)
    for name in found.strays:
        size = default_storage.size(name)
        if dry_run or _remove(name):
            removed = Swept(removed.blobs + 1, removed.size + size)
    return removed


def _find() -> _Found:
    found, old = _Found(), timezone.now() - YOUNG
    for names in _names():
        found.files += len(names)
        found.strays += [
            name for name in _without_row(names) if default_storage.get_modified_time(name) < old
        ]
        if len(found.strays) >= AT_ONCE:  # a name's first letters are chance, so the share is that of all
            break
    return found


def _names() -> Iterator[list[str]]:
    """Yield the site's names in the storage, some at a time."""
    for top in ("", *(f"{folder}/" for folder in copies_folders())):
        for number in range(256):
            folder = f"{top}{number:02x}"
            names = [f"{folder}/{name}" for name in _listed(folder)]
            names = [name for name in names if blob_named(name)]
            for start in range(0, len(names), BATCH_FILES):
                yield names[start : start + BATCH_FILES]


def _listed(folder: str) -> list[str]:
    try:
        return default_storage.listdir(folder)[1]
    except FileNotFoundError:
        return []


def _without_row(names: list[str]) -> list[str]:
    known = set(Blob.objects.filter(pk__in={blob_named(name) for name in names}).values_list("pk", flat=True))
    return [name for name in names if blob_named(name) not in known]


_ROW = (
    "INSERT INTO workers_blob (sha256, size, content_type, created_at)"
    " VALUES (%s, 0, '', clock_timestamp()) ON CONFLICT DO NOTHING"
)


def _remove(name: str) -> bool:
    """Remove a file unless it has a row by now; return whether it is gone.

    Under a row of our own, which nobody ever sees: whoever stores the same bytes waits for its end, and only then looks
    for the file. Whoever was first with a row is waited for.
    """
    try:
        with transaction.atomic():
            if not removal_allowed():
                return False
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", [ROW_WAIT])
                cursor.execute(_ROW, [blob_named(name)])
                is_stray = bool(cursor.rowcount)
            if is_stray:
                default_storage.delete(name)
            transaction.set_rollback(True)
    except OperationalError:  # a transaction with this row goes on for longer
        return False
    return is_stray

"""Removing blobs that nothing refers to any more, while uploads go on."""

from __future__ import annotations

import shutil
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection, transaction
from django.db.models import Exists, ForeignKey, OuterRef, Q
from django.db.models.fields.json import KT
from django.db.models.functions import Now

from retrieval_site.database.locks import session_locks_check
from retrieval_site.errors import AppError
from workers.models import Blob, Job, JobState
from workers.storage.folder import INCOMING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.db.models import QuerySet

YOUNG = timedelta(hours=1)
"""An upload stores its blob first and refers to it a moment later."""
IMPORT_FILES_KEPT = timedelta(days=30)
"""A finished import may be tried again, or follow its dry run, for so long."""
HALF_WRITTEN_SECONDS = 86_400
DAY = timedelta(days=1)


_followers: dict[Callable[[str], None], tuple[str, ...]] = {}


def removal_followed_by(remove: Callable[[str], None], folders: tuple[str, ...] = ()) -> None:
    """Call `remove` with the SHA-256 of every blob that goes, for what was made of it and has no row.

    `folders` of the storage are where that lies.
    """
    _followers[remove] = folders


def copies_folders() -> list[str]:
    """Return the folders of the storage in which lies what was made of blobs."""
    return [folder for folders in _followers.values() for folder in folders]


_REMOVALS = "removals of blobs"


@contextmanager
def removals_held() -> Iterator[None]:
    """Let no blob be removed, by whichever process, until this ends; waits for those that are just being removed.

    The lock is the database session's. Raises AppError `backup.interrupted` at the end where that was lost meanwhile,
    and `database.pooled` where there is none to rely on.
    """
    session_locks_check()
    _lock("pg_advisory_lock")
    try:
        yield
    except BaseException:
        with suppress(DatabaseError):
            _lock("pg_advisory_unlock")
        raise
    if not _lock("pg_advisory_unlock"):
        raise AppError("backup.interrupted")


def _lock(function: str) -> bool:
    """Call one of PostgreSQL's functions of advisory locks; return what it says, True where it says nothing."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtext(%s))", [_REMOVALS])
        return cursor.fetchone()[0] is not False


def removal_allowed() -> bool:
    """Return whether files may be removed until this transaction ends: not while `removals_held` is open anywhere."""
    return _lock("pg_try_advisory_xact_lock_shared")


@dataclass(frozen=True)
class Swept:
    """How many files were (or would be) removed, and their bytes."""

    blobs: int
    size: int


def blobs_sweep(*, dry_run: bool = False) -> Swept:
    """Remove every blob older than an hour that no row and no job refers to, its file included.

    And what processes that were killed while they wrote left of blobs and of bundles' folders a day ago or longer.
    """
    unused = list(blobs_unused().values_list("pk", "size"))
    removed = [size for sha256, size in unused if dry_run or blob_remove(sha256)]
    for left in _half_written():
        removed.append(_bytes_of(left))
        if not dry_run and left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        elif not dry_run:
            left.unlink(missing_ok=True)
    return Swept(len(removed), sum(removed))


def _half_written() -> Iterator[Path]:
    """Yield what nobody has written to for a day: neither a blob nor a bundle takes so long."""
    data = Path(settings.DATA_DIR)
    for path in (*(data / "blobs" / INCOMING).glob("*"), *(data / "versions").glob(".*")):
        with suppress(FileNotFoundError):  # another process was just done with it
            if time.time() - path.stat().st_mtime > HALF_WRITTEN_SECONDS:
                yield path


def _bytes_of(path: Path) -> int:
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return sum(each.stat().st_size for each in files)


def blob_remove_unused(sha256: str) -> bool:
    """Remove one blob now, however young, unless a row or a job refers to it; return whether it went."""
    return blob_remove(sha256, timedelta(0))


def blobs_unused(young: timedelta = YOUNG) -> QuerySet[Blob]:
    """Return the blobs that may go; every foreign key to a blob counts, whichever app has it."""
    blobs = Blob.objects.filter(created_at__lt=Now() - young)
    for field in _references():
        blobs = blobs.exclude(Exists(field.model._base_manager.filter(**{field.name: OuterRef("pk")})))
    over = Q(state__in=[JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED])
    jobs = Job.objects.exclude(over & Q(finished_at__lt=Now() - IMPORT_FILES_KEPT))
    return blobs.exclude(Exists(jobs.alias(named=KT("params__blob")).filter(named=OuterRef("pk"))))


def sweep_is_due() -> bool:
    """Return whether a sweep could find anything: files without a row are found by looking alone."""
    is_known = blobs_unused().exists() or next(_half_written(), None) is not None
    return is_known or Blob.objects.filter(created_at__lt=Now() - DAY).exists()


def _references() -> Iterator[ForeignKey[object, object]]:
    for relation in Blob._meta.get_fields(include_hidden=True):
        field = getattr(relation, "field", None)
        if isinstance(field, ForeignKey):
            yield field


def blob_remove(sha256: str, young: timedelta = YOUNG) -> bool:
    """Remove a blob unless it is young or something refers to it; return whether it is gone.

    Under its row's lock it asks again: whoever stores the same bytes waits, or was first. While a backup copies files
    (`removals_held`), none is removed; a later sweep finds it.
    """
    with transaction.atomic():
        if not removal_allowed():
            return False
        blob = Blob.objects.filter(pk=sha256).select_for_update(skip_locked=True).first()
        if blob is None or not blobs_unused(young).filter(pk=sha256).exists():
            return False
        name = blob.storage_name  # deleting the row clears its key
        blob.delete()
        default_storage.delete(name)
        for remove in _followers:
            remove(sha256)
    return True

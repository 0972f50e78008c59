"""Uploads that come in pieces: begun, continued, imported once, given up. The bytes lie on the disk of the web servers.

A piece counts once its row says so, in the transaction that writes it: after a kill the file may be longer than the row
says, and the next piece is written over the rest.
"""

from __future__ import annotations

import logging
import shutil
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.files.base import File
from django.db import OperationalError, transaction
from django.db.models import Sum
from django.db.models.functions import Now
from django.utils import timezone

from retrieval_site.errors import AppError
from search.importers.together import together_by_path
from search.importers.types import ImportOptions
from search.models import ResumableUpload
from search.models.resumable_upload import NAME_MAX
from search.services.imports import import_start
from workers.jobs.services import storable

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterator
    from pathlib import Path

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.db.models import QuerySet

    from search.models import Collection
    from search.services.upload_pieces import UploadPiece
    from workers.models import Job

log = logging.getLogger(__name__)
BATCH_FILES_MAX = 20_000
UPLOADS_MAX = 40_000
"""Unfinished ones of a person."""
FREE_BYTES_MIN = 1 << 30
"""What an upload leaves free on the disk."""
EXPIRED_AT_ONCE = 1000


@dataclass(frozen=True, kw_only=True)
class NewUpload:
    """A file that somebody begins to send; alone without a `batch`."""

    name: str
    length: int
    batch: uuid.UUID | None = None
    options: ImportOptions = field(default_factory=ImportOptions)
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class BatchImport:
    """How a batch is imported."""

    batch: uuid.UUID
    options: ImportOptions = field(default_factory=ImportOptions)
    dry_run: bool = False


def upload_path(upload: ResumableUpload) -> Path:
    """Return where an upload's bytes lie."""
    return settings.DATA_DIR / "uploads" / upload.pk.hex


def uploads_of(user: AbstractBaseUser) -> QuerySet[ResumableUpload]:
    """Return somebody's uploads that have not expired."""
    return ResumableUpload.objects.filter(user_id=user.pk, expires_at__gt=Now())


def own_upload(upload_id: uuid.UUID, user: AbstractBaseUser) -> ResumableUpload:
    """Return one of somebody's own uploads; raises AppError `upload.not_found`."""
    upload = uploads_of(user).filter(pk=upload_id).select_related("collection").first()
    if upload is None:
        raise AppError("upload.not_found")
    return upload


def upload_create(*, collection: Collection, new: NewUpload, user: AbstractBaseUser) -> ResumableUpload:
    """Begin an upload. Raises AppError `upload.*`, `import.empty`."""
    uploads_expire()
    name = _checked_name(new.name)
    if new.length <= 0:
        raise AppError("import.empty")
    with transaction.atomic():
        get_user_model().objects.select_for_update(no_key=True).get(pk=user.pk)
        if new.batch:
            _check_batch(collection, new, user)
            for former in uploads_of(user).filter(batch=new.batch, name=name):
                upload_delete(upload=former)
        _check_room(new, user)
        return ResumableUpload.objects.create(
            user_id=user.pk,
            collection=collection,
            batch=new.batch,
            name=name,
            length=new.length,
            options={**asdict(new.options), "dry_run": new.dry_run},
            expires_at=_expiry(),
        )


def _expiry() -> Any:
    return timezone.now() + timedelta(hours=settings.CONFIG.upload_keep_hours)


def _checked_name(written: str) -> str:
    """Return a path below a folder; raises AppError `upload.name_invalid`."""
    parts = [part for part in storable(written).replace("\\", "/").split("/") if part not in ("", ".")]
    name = "/".join(parts)
    if not name or len(name) > NAME_MAX or ".." in parts or not name.isprintable():
        raise AppError("upload.name_invalid", limit=NAME_MAX)
    return name


def _check_batch(collection: Collection, new: NewUpload, user: AbstractBaseUser) -> None:
    others = uploads_of(user).filter(batch=new.batch)
    if others.exclude(collection=collection).exists():
        raise AppError("upload.other_collection")
    if others.filter(is_imported=True).exists():
        raise AppError("upload.imported_already")
    if others.count() >= BATCH_FILES_MAX:
        raise AppError("upload.too_many", limit=BATCH_FILES_MAX)


def _check_room(new: NewUpload, user: AbstractBaseUser) -> None:
    """Refuse what is too large, alone or with all that its sender has begun. Raises AppError `upload.*`."""
    config, pending = settings.CONFIG, uploads_of(user).filter(is_imported=False)
    together = _sum(pending.filter(batch=new.batch)) if new.batch else 0
    if together + new.length > config.import_max_bytes:
        raise AppError("upload.too_large", limit_bytes=config.import_max_bytes)
    if _sum(pending) + new.length > config.upload_person_max_bytes:
        raise AppError("upload.person_full", limit_bytes=config.upload_person_max_bytes)
    if pending.count() >= UPLOADS_MAX:
        raise AppError("upload.too_many", limit=UPLOADS_MAX)
    if shutil.disk_usage(settings.DATA_DIR).free < new.length + FREE_BYTES_MIN:
        raise AppError("upload.disk_full")


def _sum(uploads: QuerySet[ResumableUpload]) -> int:
    return uploads.aggregate(bytes=Sum("length"))["bytes"] or 0


def upload_append(*, upload: ResumableUpload, piece: UploadPiece, user: AbstractBaseUser) -> ResumableUpload:
    """Write a piece behind what is there; a file that is whole and alone is imported.

    Of two at once one is refused: raises AppError `upload.busy`, `upload.offset`, `upload.too_long`,
    `upload.checksum`, and those of `import_start`, with which the upload is gone.
    """
    try:
        with transaction.atomic():
            held = _held(upload, user)
            if piece.offset != held.offset:
                raise AppError("upload.offset", offset=held.offset)
            if held.is_imported:
                return held
            held.offset += piece.write(upload_path(held), room=held.length - held.offset)
            held.expires_at = _expiry()
            held.save(update_fields=["offset", "expires_at"])
            if held.offset == held.length and held.batch is None:
                _import_alone(held, user)
    except AppError as error:
        if error.id.startswith("import."):
            upload_delete(upload=upload)
        raise
    if held.is_imported:
        upload_path(held).unlink(missing_ok=True)
    return held


def _held(upload: ResumableUpload, user: AbstractBaseUser) -> ResumableUpload:
    """Return the row, locked; raises AppError `upload.busy` while another holds it."""
    try:
        found = (
            uploads_of(user)
            .filter(pk=upload.pk)
            .select_related("collection")
            .select_for_update(nowait=True, of=["self"])
        )
        held = found.first()
    except OperationalError as error:
        raise AppError("upload.busy") from error
    if held is None:
        raise AppError("upload.not_found")
    return held


def _import_alone(upload: ResumableUpload, user: AbstractBaseUser) -> None:
    asked = {key: value for key, value in upload.options.items() if key != "dry_run"}
    with upload_path(upload).open("rb") as opened:
        upload.job = import_start(
            collection=upload.collection,
            file=File(opened, name=upload.name),
            options=ImportOptions(**asked),
            dry_run=upload.options["dry_run"],
            owner=user,
        )
    upload.is_imported = True
    upload.save(update_fields=["job", "is_imported"])


def uploads_import(*, asked: BatchImport, collection: Collection, user: AbstractBaseUser) -> Job:
    """Start one import of all files of a batch, and once: asked again, its job is the answer.

    Raises AppError `upload.not_found`, `upload.unfinished`, and those of `import_start`.
    """
    with transaction.atomic():
        rows = uploads_of(user).filter(batch=asked.batch, collection=collection).order_by("name")
        uploads = list(rows.select_for_update())
        if not uploads or (uploads[0].is_imported and uploads[0].job is None):
            raise AppError("upload.not_found")
        if uploads[0].is_imported and uploads[0].job:
            return uploads[0].job
        if unfinished := sum(each.offset < each.length for each in uploads):
            raise AppError("upload.unfinished", count=unfinished)
        job = _import_together(asked, uploads, user)
        rows.update(job=job, is_imported=True)
    for each in uploads:
        upload_path(each).unlink(missing_ok=True)
    return job


def _import_together(asked: BatchImport, uploads: list[ResumableUpload], user: AbstractBaseUser) -> Job:
    with together_by_path([(each.name, upload_path(each)) for each in uploads]) as file:
        return import_start(
            collection=uploads[0].collection,
            file=file,
            options=asked.options,
            dry_run=asked.dry_run,
            owner=user,
        )


def upload_delete(*, upload: ResumableUpload) -> None:
    """Give up an upload; a job that it has started goes on."""
    upload_path(upload).unlink(missing_ok=True)
    ResumableUpload.objects.filter(pk=upload.pk).delete()


def uploads_expire() -> int:
    """Remove the uploads that were not continued in time, and return how many."""
    old = ResumableUpload.objects.filter(expires_at__lte=Now())
    with transaction.atomic():
        found = list(old.select_for_update(skip_locked=True)[:EXPIRED_AT_ONCE])
        for upload in found:
            upload_delete(upload=upload)
    return len(found)


def uploads_left() -> Iterator[Path]:
    """Yield the files of uploads whose rows went with their person or their collection.

    A row is there before its file: what has none when the file is seen first never gets one.
    """
    folder = settings.DATA_DIR / "uploads"
    if not folder.is_dir():
        return
    there = list(folder.iterdir())
    known = {upload.hex for upload in ResumableUpload.objects.values_list("pk", flat=True).iterator()}
    yield from (path for path in there if path.name not in known)


def uploads_sweep() -> int:
    """Remove these files, and return how many."""
    found = list(uploads_left())
    for path in found:
        path.unlink(missing_ok=True)
    return len(found)

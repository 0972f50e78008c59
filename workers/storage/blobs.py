"""Files by their content, in Django's default storage: stored once however often they arrive, never half."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import connection, transaction

from retrieval_site.database import Prepared
from retrieval_site.errors import AppError
from retrieval_site.rows import columns
from workers.models import Blob
from workers.storage.bucket import BucketStorage
from workers.storage.folder import CHUNK_BYTES, folder_put

if TYPE_CHECKING:
    from django.core.files.storage import Storage

    from retrieval_site.rows import Columns

_ROW_PUT = Prepared(
    "INSERT INTO workers_blob AS blob (sha256, size, content_type, created_at)"
    " VALUES (%s, %s, %s, clock_timestamp())"
    " ON CONFLICT (sha256) DO UPDATE SET created_at = EXCLUDED.created_at"
)


def blob_store(content: bytes | File[bytes], content_type: str) -> Blob:
    """Store the bytes unless they are there already, and return their row; memory stays constant for files.

    The row commits with the caller's transaction, and its `created_at` is now even where it was there: a sweep of
    unused blobs leaves young ones alone, so the caller has time to refer to it. A file whose row was rolled back
    stays until a sweep.
    """
    if isinstance(content, bytes):
        content = ContentFile(content)
    sha256, size = _digest(content)
    with transaction.atomic():
        # The row first: it waits for a sweep that is just removing this blob, and only then looks for the file.
        blob = _row_put(sha256, size, content_type)
        file_put(blob.storage_name, content, size)
    return blob


def _row_put(sha256: str, size: int, content_type: str) -> Blob:
    """Write the row, or make it young again, and return it."""
    parts: Columns[Blob] = columns(Blob, "blob")
    with connection.cursor() as cursor:
        cursor.execute(f"{_ROW_PUT} RETURNING {parts.sql}", [sha256, size, content_type[:100]])
        return parts.instance(cursor.fetchone())


def blob_of(content: bytes, content_type: str) -> Blob:
    """Return the row of these bytes, not written yet: for callers who store row and file themselves.

    In this order, in one transaction: `row_put`, then `file_put`.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    return Blob(sha256=sha256, size=len(content), content_type=content_type[:100])


def row_put(blob: Blob) -> None:
    """Write the row, or make it young again; asks for no answer, so it may travel with other statements."""
    with connection.cursor() as cursor:
        cursor.execute(_ROW_PUT, [blob.sha256, blob.size, blob.content_type])


def blob_open(blob: Blob) -> File[bytes]:
    """Open a blob for reading; raises AppError `blob.missing` when the storage has lost it."""
    try:
        opened: File[bytes] = default_storage.open(blob.storage_name, "rb")
    except FileNotFoundError as error:
        raise AppError("blob.missing", sha256=blob.sha256) from error
    return opened


def file_address(name: str, content_type: str) -> str | None:
    """Return a signed address from which a browser gets a file for `BLOB_S3_SIGNED_SECONDS`; None where there is none.

    Check first who asks: the address works for anybody. Raises AppError `storage.*`.
    """
    seconds = settings.CONFIG.blob_s3_signed_seconds
    if not seconds or not isinstance(default_storage, BucketStorage):
        return None
    looks = {"response-content-type": content_type, "response-content-disposition": "inline"}
    return default_storage.signed(name, seconds, looks)


def _digest(content: File[bytes]) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    for chunk in content.chunks(CHUNK_BYTES):
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size


def file_put(name: str, content: File[bytes], size: int, *, durable: bool = True) -> None:
    """Store `size` bytes under a name that stands for just these bytes; never half, and once."""
    # `default_storage` is a lazy wrapper, which isinstance sees through.
    if isinstance(default_storage, FileSystemStorage):
        folder_put(Path(default_storage.path(name)), content, size, durable=durable)
    elif isinstance(default_storage, BucketStorage):
        default_storage.put(name, content, size, durable=durable)
    elif not default_storage.exists(name):
        _put_object(default_storage, name, content)


def file_is_whole(name: str, sha256: str) -> bool:
    """Return whether the storage has a file of this content under a name; reads all of it."""
    try:
        with default_storage.open(name, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except FileNotFoundError:
        return False
    except AppError as error:
        if error.id != "blob.damaged":
            raise
        return False


def file_replace(name: str, content: File[bytes], size: int) -> None:
    """Store `size` bytes under a name in place of what has it, of the same size perhaps."""
    default_storage.delete(name)
    file_put(name, content, size)


def _put_object(storage: Storage, name: str, content: File[bytes]) -> None:
    """Object stores write a name whole or not at all; a second writer of the same bytes drops its copy."""
    content.seek(0)
    taken = storage.save(name, content)
    if taken != name:
        storage.delete(taken)

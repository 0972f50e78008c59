"""Blobs in a bucket of a service that speaks S3, or on their way there or back while the site runs.

Names stand for contents, so it does not matter where a file is read: reads look in the folder first, which costs
microseconds, and then in the bucket; writes go to the one of both that is set; deletions to both.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import File
from django.core.files.storage import Storage
from django.utils import timezone

from retrieval_site.errors import AppError
from retrieval_site.health.checks import CheckFailedError
from workers.s3.client import S3Client
from workers.s3.places import s3_place
from workers.s3.reading import object_open
from workers.s3.writing import object_store
from workers.storage.folder import folder_put

if TYPE_CHECKING:
    from retrieval_site.buckets.config import BucketConfig

_BLOB = re.compile(r"[0-9a-f]{2}/([0-9a-f]{64})")


class BucketStorage(Storage):
    """A folder and a bucket as one storage. Raises AppError `storage.*` where the bucket does not answer."""

    def __init__(
        self,
        bucket: BucketConfig | None = None,
        folder: Path | None = None,
        *,
        writes_to_bucket: bool | None = None,
    ) -> None:
        config = settings.CONFIG
        self._bucket = bucket or config.blob_s3
        self.folder = folder or Path(settings.DATA_DIR) / "blobs"
        self.writes_to_bucket = config.blob_store == "s3" if writes_to_bucket is None else writes_to_bucket

    @cached_property
    def client(self) -> S3Client:
        """What asks the bucket."""
        if self._bucket is None:
            raise ImproperlyConfigured("BLOB_S3_BUCKET is not set.")
        return S3Client(s3_place(self._bucket))

    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        """Open; a file that moves from the bucket into the folder meanwhile is found at the second look there."""
        for look in (self._in_folder, self._in_bucket):
            with suppress(FileNotFoundError):
                return File(look(name), name)
        return File(self._in_folder(name), name)

    def _in_folder(self, name: str) -> IO[bytes]:
        return (self.folder / name).open("rb")

    def _in_bucket(self, name: str) -> IO[bytes]:
        return object_open(self.client, name, sha256_named(name))

    def put(self, name: str, content: File[bytes], size: int, *, durable: bool = True) -> None:
        """Store `size` bytes under a name that stands for just these bytes, unless they are there; never half."""
        if not self.writes_to_bucket:
            folder_put(self.folder / name, content, size, durable=durable)
        elif size not in (self._size_in_folder(name), self._size_in_bucket(name)):
            object_store(self.client, name, cast("IO[bytes]", content), size, sha256_named(name))

    def _save(self, name: str, content: File[bytes]) -> str:
        self.put(name, content, content.size)
        return name

    def exists(self, name: str) -> bool:
        """Return whether one of both has it; True for the root."""
        return not name or self._size_in_folder(name) is not None or self._size_in_bucket(name) is not None

    def size(self, name: str) -> int:
        """Return a file's bytes; raises FileNotFoundError."""
        size = self._size_in_folder(name)
        size = self._size_in_bucket(name) if size is None else size
        if size is None:
            raise FileNotFoundError(name)
        return size

    def get_modified_time(self, name: str) -> datetime:
        """Return when a file was stored, the later one where both have it; raises FileNotFoundError."""
        known, found = self.client.head(name), []
        if known:
            found.append(timezone.now() - timedelta(seconds=known.age_seconds))
        with suppress(FileNotFoundError):
            found.append(datetime.fromtimestamp((self.folder / name).stat().st_mtime, UTC))
        if not found:
            raise FileNotFoundError(name)
        return max(found)

    def _size_in_folder(self, name: str) -> int | None:
        try:
            return (self.folder / name).stat().st_size
        except FileNotFoundError:
            return None

    def _size_in_bucket(self, name: str) -> int | None:
        known = self.client.head(name)
        return known.size if known else None

    def delete(self, name: str) -> None:
        """Delete a file from both, from none where the bucket is away; nothing happens where there is none."""
        self.client.delete(name)
        (self.folder / name).unlink(missing_ok=True)

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """Return the folders and the files below a folder, of both."""
        prefix = f"{path}/" if path else ""
        below = [key.removeprefix(prefix) for key, _ in self.client.objects(prefix)]
        folders = {name.partition("/")[0] for name in below if "/" in name}
        files = {name for name in below if "/" not in name}
        here = self.folder / path
        for entry in here.iterdir() if here.is_dir() else ():
            (folders if entry.is_dir() else files).add(entry.name)
        return sorted(folders), sorted(files)

    def signed(self, name: str, seconds: int, looks: dict[str, str]) -> str | None:
        """Return an address from which anybody may get a file for some seconds; None where only the folder has it."""
        if self._size_in_folder(name) is not None or self._size_in_bucket(name) is None:
            return None
        return self.client.presigned(name, seconds, looks)

    def url(self, name: str | None) -> str:
        """Refuse: files have no address that is not signed."""
        raise NotImplementedError


def sha256_named(name: str) -> str:
    """Return the SHA-256 that a blob's name says, "" for what was made of one."""
    found = _BLOB.fullmatch(name)
    return found[1] if found else ""


def check_storage() -> str:
    """Return "answers" when the bucket does; see `retrieval_site.health.checks`."""
    from django.core.files.storage import default_storage

    storage: Any = default_storage
    try:
        storage.client.answers()
    except AppError as error:
        raise CheckFailedError(f"The bucket of the files does not answer: {error}") from error
    return "answers"

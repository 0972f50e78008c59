"""Backups in a bucket of a service that speaks S3: `s3://BUCKET/PREFIX`."""

from __future__ import annotations

import io
import json
import secrets
import tempfile
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import IO, TYPE_CHECKING

from django.conf import settings

from retrieval_site.errors import AppError
from workers.s3.client import S3Client
from workers.s3.places import s3_place
from workers.s3.reading import object_open
from workers.s3.signing import parse_s3_address
from workers.s3.writing import object_store, sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOCK = "lock"
RENEWED_SECONDS = 60.0
LEFT_SECONDS = 300.0
"""The age, by the service's clock, from which on a lock was left by a writer that is gone."""


class BucketPlace:
    """See `places.BackupPlace`. Raises AppError `storage.*` besides."""

    def __init__(self, client: S3Client) -> None:
        self._client = client
        self._folder, self._sizes = "", dict[str, int]()

    def size(self, name: str) -> int | None:
        """Return a file's bytes, None where there is none.

        Blobs are asked for in the order of their names: a list of their folder answers for all of it.
        """
        if not name.startswith("blobs/"):
            known = self._client.head(name)
            return known.size if known else None
        folder = name[: name.rindex("/") + 1]
        if folder != self._folder:
            self._folder, self._sizes = folder, dict(self._client.objects(folder))
        return self._sizes.get(name)

    def put(self, name: str, write: Callable[[IO[bytes]], None]) -> int:
        """Write into a temporary file of this machine and send that."""
        with tempfile.TemporaryFile(prefix="sightline-backup-") as copy:
            write(copy)
            size = copy.tell()
            object_store(self._client, name, copy, size)
        if self._folder and name.startswith(self._folder):
            self._sizes[name] = size
        return size

    def open(self, name: str) -> IO[bytes]:
        """Open a file; raises AppError `backup.damaged` where there is none."""
        try:
            return object_open(self._client, name)
        except FileNotFoundError as error:
            raise AppError("backup.damaged", file=name, reason="it is missing") from error

    def names(self, prefix: str) -> Iterator[str]:
        """Yield the names that begin with `prefix` and a slash."""
        for name, _ in self._client.objects(f"{prefix}/"):
            yield name

    def delete(self, name: str) -> None:
        """Delete a file; nothing happens where there is none."""
        self._client.delete(name)
        self._sizes.pop(name, None)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold an object that is written anew every minute; one that is five minutes old counts no more.

        Raises AppError `backup.busy`, and `backup.lock_lost` at the end where another one took it meanwhile.
        """
        own = json.dumps({"lock": secrets.token_hex(16)}).encode()
        self._take(own)
        ended = threading.Event()
        keeper = threading.Thread(target=self._renew, args=(own, ended), daemon=True)
        keeper.start()
        try:
            yield
        finally:
            ended.set()
            keeper.join()
            is_ours = self._holder() == own
            if is_ours:
                self.delete(LOCK)
        if not is_ours:
            raise AppError("backup.lock_lost", place=self._client.place.words)

    def _take(self, own: bytes) -> None:
        known = self._client.head(LOCK)
        busy = AppError("backup.busy", place=self._client.place.words)
        if known and known.age_seconds <= LEFT_SECONDS:
            raise busy
        if known:
            self.delete(LOCK)
        try:
            self._write(own, new=True)
        except FileExistsError:
            raise busy from None

    def _renew(self, own: bytes, ended: threading.Event) -> None:
        """Renew until the end, or until it is another's; a service that is away for a moment is asked again later."""
        while not ended.wait(RENEWED_SECONDS):
            with suppress(AppError):
                if self._holder() != own:
                    return
                self._write(own)

    def _holder(self) -> bytes:
        try:
            with object_open(self._client, LOCK) as file:
                return file.read(1000)
        except FileNotFoundError:
            return b""

    def _write(self, own: bytes, *, new: bool = False) -> None:
        body = io.BytesIO(own)
        self._client.put(LOCK, body, len(own), sha256_of(body), new=new)


def bucket_place(address: str) -> BucketPlace:
    """Return the place of `s3://BUCKET/PREFIX`; raises AppError `backup.place_not_supported`.

    The site's own files may not lie in it: removing old backups would remove them, as no backup names them so.
    """
    found = parse_s3_address(address)
    if found is None:
        raise AppError("backup.place_not_supported", place=address)
    bucket, prefix = found
    prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    config = replace(settings.CONFIG.backup_s3, bucket=bucket, prefix=prefix)
    own = settings.CONFIG.blob_s3
    if own and (own.endpoint, own.bucket) == (config.endpoint, bucket) and own.prefix.startswith(prefix):
        raise AppError("backup.place_not_supported/own", place=address)
    return BucketPlace(S3Client(s3_place(config)))

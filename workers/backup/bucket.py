"""Backups in a bucket of a service that speaks S3: `s3://BUCKET/PREFIX`."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import secrets
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import IO, TYPE_CHECKING

from django.conf import settings

from retrieval_site.errors import AppError
from workers.s3.client import NEW, S3Client, only_while
from workers.s3.places import s3_place
from workers.s3.reading import object_open
from workers.s3.signing import parse_s3_address
from workers.s3.writing import object_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOG = logging.getLogger(__name__)
LOCK = "lock"
RENEWED_SECONDS = 60.0
LEFT_SECONDS = 300.0
"""The age, by the service's clock, from which on a lock was left by a writer that is gone."""
NO_TAG = '"00000000000000000000000000000000"'
SETTLE_SECONDS = 1.0
"""How long a lock must stand as we wrote it where the service lets everybody write."""
NO_CONDITIONS = (
    "%s: the service knows no conditional writes (If-None-Match, If-Match), so two commands that begin within a second"
    " may both write here: let one machine alone make and remove backups"
)


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
    def locked(self) -> Iterator[Callable[[], None]]:
        """Hold an object that is written anew every minute; one that is five minutes old counts no more.

        Gives what raises AppError `backup.lock_lost` where another one took it meanwhile. Raises AppError
        `backup.busy`, and `backup.lock_lost` at the end.
        """
        lock = _Lock(self._client)
        lock.take()
        ended = threading.Event()
        keeper = threading.Thread(target=lock.renew_until, args=(ended,), daemon=True)
        keeper.start()
        try:
            yield lock.check
        finally:
            ended.set()
            keeper.join()
            is_ours = lock.release()
        if not is_ours:
            raise lock.lost()


class _Lock:
    """The object `lock`, which is ours while it has the tag of what we wrote last.

    Each write names the object that it replaces, so that of two writers who find the same stale lock the service lets
    one through. A service that knows no such conditions lets both: there, the one whose words still stand a moment
    after it wrote has the lock, which leaves open what happens to a writer that is held up in between.
    """

    def __init__(self, client: S3Client) -> None:
        self._client = client
        self._own = json.dumps({"lock": secrets.token_hex(16)}).encode()
        self._tag = ""
        self._knows_conditions = True
        self._renewing = threading.Lock()
        """Two threads renew, and each needs the tag that the last of them wrote."""

    def take(self) -> None:
        """Take the lock, where none is held; raises AppError `backup.busy`."""
        known = self._client.head(LOCK)
        if known and known.age_seconds <= LEFT_SECONDS:
            raise self._busy()
        if not self._written(only_while(known.tag) if known else NEW):
            raise self._busy()
        if not self._knows_conditions or not self._refuses_another():
            LOG.warning(NO_CONDITIONS, self._client.place.words)
            self._knows_conditions = False
            time.sleep(SETTLE_SECONDS)
            if self._holder() != self._own:
                raise self._busy()

    def renew_until(self, ended: threading.Event) -> None:
        """Renew until the end, or until it is another's; a service that is away for a moment is asked again later."""
        while not ended.wait(RENEWED_SECONDS):
            with suppress(AppError):
                if not self._renewed():
                    return

    def release(self) -> bool:
        """Give the lock back, and return whether it was ours to the end.

        It is renewed first, for then nobody else takes it before it is deleted.
        """
        if is_ours := self._renewed():
            self._client.delete(LOCK)
        return is_ours

    def check(self) -> None:
        """Renew the lock; raises AppError `backup.lock_lost` where it is another's."""
        if not self._renewed():
            raise self.lost()

    def lost(self) -> AppError:
        """Return the error of a lock that another one took."""
        return AppError("backup.lock_lost", place=self._client.place.words)

    def _renewed(self) -> bool:
        with self._renewing:
            if not self._knows_conditions and self._holder() != self._own:
                return False
            return self._written(only_while(self._tag))

    def _written(self, condition: dict[str, str]) -> bool:
        """Write our words where the condition holds; return whether they stand.

        A request whose answer was lost is sent again, and then refused because of what the first one wrote.
        """
        try:
            self._tag = self._put(condition)
        except (FileExistsError, FileNotFoundError):
            known = self._client.head(LOCK)
            if known is None or self._holder() != self._own:
                return False
            self._tag = known.tag
        return True

    def _put(self, condition: dict[str, str]) -> str:
        body, sha256 = io.BytesIO(self._own), hashlib.sha256(self._own).hexdigest()
        if self._knows_conditions:
            try:
                return self._client.put(LOCK, body, len(self._own), sha256, condition)
            except NotImplementedError:
                self._knows_conditions = False
        return self._client.put(LOCK, body, len(self._own), sha256)

    def _refuses_another(self) -> bool:
        """Return whether the service refuses to write while ours stands: as a new one, and in place of another."""
        return all(self._refuses(condition) for condition in (NEW, only_while(NO_TAG)))

    def _refuses(self, condition: dict[str, str]) -> bool:
        try:
            self._tag = self._put(condition)
        except (FileExistsError, FileNotFoundError):
            return True
        return False

    def _holder(self) -> bytes:
        try:
            with object_open(self._client, LOCK) as file:
                return file.read(1000)
        except FileNotFoundError:
            return b""

    def _busy(self) -> AppError:
        return AppError("backup.busy", place=self._client.place.words)


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

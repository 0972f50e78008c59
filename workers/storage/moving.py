"""Moving blobs from the folder into the bucket or back, while the site runs.

A file is copied, read back and compared with its SHA-256, and only then removed where it was. Meanwhile its row is
held against removal (`FOR KEY SHARE`: whoever stores or refers to the same bytes does not wait). A move that is killed
leaves a file in both places at most; the next one goes on from there.
"""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from threading import Barrier
from typing import IO, TYPE_CHECKING

from django.core.files.base import File
from django.db import connection, transaction

from retrieval_site.errors import AppError
from workers.s3.client import CHUNK_BYTES
from workers.s3.reading import object_open
from workers.s3.writing import object_store, sha256_of
from workers.storage.bucket import sha256_named
from workers.storage.folder import INCOMING, folder_put, folder_sync
from workers.storage.names import blob_named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from workers.storage.bucket import BucketStorage

SAY_EVERY = 1_000
BATCH_FILES = 256


@dataclass
class BlobsMoved:
    """What a move did: files and bytes moved, the names of damaged ones, and how many no row names. Both stay."""

    files: int = 0
    size: int = 0
    damaged: list[str] = field(default_factory=list)
    unnamed: int = 0

    def add(self, more: BlobsMoved) -> None:
        """Count what another did."""
        self.files, self.size, self.unnamed = (
            self.files + more.files,
            self.size + more.size,
            self.unnamed + more.unnamed,
        )
        self.damaged += more.damaged


def blobs_move(
    *, storage: BucketStorage, to_bucket: bool, say: Callable[[str], object], parallel: int = 1
) -> BlobsMoved:
    """Move every file to where new ones are written, which the settings of all processes must say already.

    `parallel` files at a time, each with a database connection of its own. Raises AppError `storage.*`.
    """
    done, seen = BlobsMoved(), 0
    names = _names_in_folder(storage) if to_bucket else _names_in_bucket(storage)
    one = partial(_moved, storage, to_bucket=to_bucket)
    with _threads(parallel) as each:
        while batch := list(islice(names, BATCH_FILES)):
            for moved in each(one, batch):
                done.add(moved)
                seen += 1
                if seen % SAY_EVERY == 0:
                    say(f"{seen:,} files seen, {done.files:,} moved")
    return done


@contextmanager
def _threads(parallel: int) -> Iterator[Callable[..., Iterable[BlobsMoved]]]:
    """Give a `map` over threads, whose connections to the database are closed at the end; without threads for one."""
    if parallel == 1:
        yield map
        return
    together = Barrier(parallel)

    def close(_: int) -> None:
        together.wait()  # one in each thread
        connection.close()

    with ThreadPoolExecutor(parallel) as pool:
        try:
            yield pool.map
        finally:
            list(pool.map(close, range(parallel)))


def _names_in_folder(storage: BucketStorage) -> Iterator[str]:
    for path in storage.folder.rglob("*"):
        name = str(path.relative_to(storage.folder))
        if path.is_file() and not name.startswith(f"{INCOMING}/"):
            yield name


def _names_in_bucket(storage: BucketStorage) -> Iterator[str]:
    for name, _ in storage.client.objects():
        yield name


def _moved(storage: BucketStorage, name: str, *, to_bucket: bool) -> BlobsMoved:
    """Move one file under its blob's row; a thumbnail is its picture's."""
    sha256 = blob_named(name)
    with transaction.atomic():
        if not (sha256 and _row_held(sha256)):
            return BlobsMoved(unnamed=1)
        try:
            size = _to_bucket(storage, name) if to_bucket else _to_folder(storage, name)
        except FileNotFoundError:
            return BlobsMoved()  # removed meanwhile: a thumbnail's picture is replaced
        except AppError as error:
            if error.id != "blob.damaged":
                raise
            return BlobsMoved(damaged=[name])
    return BlobsMoved(1, size)


def _row_held(sha256: str) -> bool:
    """Return whether there is such a blob, which stays until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM workers_blob WHERE sha256 = %s FOR KEY SHARE", [sha256])
        return bool(cursor.rowcount)


def _to_bucket(storage: BucketStorage, name: str) -> int:
    path = storage.folder / name
    with path.open("rb") as file:
        sha256 = _checked(file, name)
        size = path.stat().st_size
        known = storage.client.head(name)
        if known is None or known.size != size:
            object_store(storage.client, name, file, size, sha256)
    with object_open(storage.client, name) as copy:
        if sha256_of(copy) != sha256:
            raise AppError("storage.refused", reason="it does not send what it was given")
    path.unlink()
    return size


def _to_folder(storage: BucketStorage, name: str) -> int:
    with tempfile.TemporaryFile(prefix="sightline-move-") as copy:
        with object_open(storage.client, name) as file:
            while chunk := file.read(CHUNK_BYTES):
                copy.write(chunk)
        size, sha256 = copy.tell(), _checked(copy, name)
        path = storage.folder / name
        folder_put(path, File(copy), size, durable=True)
    with path.open("rb") as kept:
        if sha256_of(kept) != sha256:
            raise AppError("blob.damaged", sha256=sha256)
    for folder in (path.parent, storage.folder):
        folder_sync(folder)
    storage.client.delete(name)
    return size


def _checked(file: IO[bytes], name: str) -> str:
    """Return a file's SHA-256; raises AppError `blob.damaged` where it is not its name's."""
    sha256, named = sha256_of(file), sha256_named(name)
    if named and sha256 != named:
        raise AppError("blob.damaged", sha256=named)
    return sha256

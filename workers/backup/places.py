"""Where backups are kept: in a folder, or in a bucket (`bucket`); other stores of whole files could follow."""

from __future__ import annotations

import fcntl
import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

from retrieval_site.errors import AppError
from workers.storage.folder import folder_sync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

INCOMING = "incoming"
LOCK = "lock"


class BackupPlace(Protocol):
    """Named files, each there whole or not at all; names have slashes, as keys of an object store do."""

    def size(self, name: str) -> int | None:
        """Return a file's bytes, None where there is none."""

    def put(self, name: str, write: Callable[[IO[bytes]], None]) -> int:
        """Store what `write` writes, in place of what had the name; return its bytes. If it raises, nothing."""

    def open(self, name: str) -> IO[bytes]:
        """Open a file; raises AppError `backup.damaged` where there is none."""

    def names(self, prefix: str) -> Iterator[str]:
        """Yield the names that begin with `prefix` and a slash."""

    def delete(self, name: str) -> None:
        """Delete a file; nothing happens where there is none."""

    def locked(self) -> AbstractContextManager[Callable[[], None]]:
        """Let one at a time write or delete here; raises AppError `backup.busy` for the second.

        Gives what raises AppError `backup.lock_lost` where the lock is another's by now. Ask it before what must not
        be done then.
        """


@dataclass(frozen=True)
class FolderPlace:
    """A folder of this machine or mounted on it, readable by its owner alone."""

    root: Path

    def size(self, name: str) -> int | None:
        """Return a file's bytes, None where there is none."""
        try:
            return (self.root / name).stat().st_size
        except FileNotFoundError:
            return None

    def put(self, name: str, write: Callable[[IO[bytes]], None]) -> int:
        """Write beside, flush to the disk and rename."""
        path, incoming = self.root / name, self.root / INCOMING
        for folder in (incoming, path.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, beside = tempfile.mkstemp(dir=incoming)
        try:
            with os.fdopen(descriptor, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
                size = file.tell()
            Path(beside).replace(path)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise
        folder_sync(path.parent)
        return size

    def open(self, name: str) -> IO[bytes]:
        """Open a file; raises AppError `backup.damaged` where there is none."""
        try:
            return (self.root / name).open("rb")
        except FileNotFoundError as error:
            raise AppError("backup.damaged", file=name, reason="it is missing") from error

    def names(self, prefix: str) -> Iterator[str]:
        """Yield the names that begin with `prefix` and a slash."""
        for folder, _, files in os.walk(self.root / prefix):
            for file in files:
                yield str((Path(folder) / file).relative_to(self.root))

    def delete(self, name: str) -> None:
        """Delete a file; nothing happens where there is none."""
        (self.root / name).unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[Callable[[], None]]:
        """Hold a lock that the kernel frees however we end, and clear what a killed writer left."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.root / LOCK).open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AppError("backup.busy", place=str(self.root)) from None
            for left in list(self.names(INCOMING)):
                self.delete(left)
            yield lambda: None  # no other takes it while we live


def place_of(address: str) -> BackupPlace:
    """Return the place that an address names: a folder, or `s3://BUCKET/PREFIX`.

    Raises AppError `backup.place_not_supported` for any other.
    """
    if address.startswith("s3://"):
        from workers.backup.bucket import bucket_place

        return bucket_place(address)
    if "://" in address:
        raise AppError("backup.place_not_supported", place=address)
    return FolderPlace(Path(address).resolve())

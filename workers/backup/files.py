"""Writing a backup's own files and reading them back, each checked against its checksums on the way."""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from retrieval_site.errors import AppError
from workers.backup.manifest import StoredFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workers.backup.manifest import BackupManifest
    from workers.backup.places import BackupPlace
    from workers.backup.sealing import Sealing

CHUNK_BYTES = 1024 * 1024


class Hashing:
    """A file that is read or written through, with the SHA-256 and the number of the bytes that passed."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._digest, self.size = file, hashlib.sha256(), 0

    @property
    def sha256(self) -> str:
        """The digest of what has passed so far."""
        return self._digest.hexdigest()

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        return self._passed(self._file.read(size))

    def write(self, data: bytes) -> int:
        """Write on."""
        self._file.write(self._passed(data))
        return len(data)

    def flush(self) -> None:
        """Flush the file."""
        self._file.flush()

    def _passed(self, data: bytes) -> bytes:
        self._digest.update(data)
        self.size += len(data)
        return data


class Nowhere:
    """A file that takes all and keeps nothing."""

    def write(self, data: bytes) -> int:
        """Take the bytes."""
        return len(data)

    def flush(self) -> None:
        """Do nothing."""


def file_store(place: BackupPlace, name: str, sealing: Sealing, source: IO[bytes]) -> StoredFile:
    """Store a file under a name, encrypted where that is wanted; return what was stored."""
    seen: list[Hashing] = []

    def write(file: IO[bytes]) -> None:
        plain, stored = Hashing(source), Hashing(file)
        sealing.seal(plain, stored)  # type: ignore[arg-type]  # read and write are all that is asked of them
        seen[:] = [plain, stored]

    place.put(name, write)
    plain, stored = seen
    return StoredFile(plain.sha256, plain.size, stored.sha256, stored.size)


def file_check(place: BackupPlace, name: str, known: StoredFile) -> None:
    """Read a file as it lies there; raises AppError `backup.damaged` where it is not what was stored."""
    if place.size(name) != known.stored_size:
        raise AppError("backup.damaged", file=name, reason="it is missing or has another size")
    with place.open(name) as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != known.stored_sha256:  # type: ignore[arg-type]  # files have all that it needs
            raise AppError("backup.damaged", file=name, reason="its checksum is another")


@contextmanager
def file_fetched(place: BackupPlace, manifest: BackupManifest, file: str, sealing: Sealing) -> Iterator[Path]:
    """Give one of a backup's own files as a path, decrypted and checked; it is gone afterwards.

    Raises AppError `backup.damaged`, `backup.key_*`.
    """
    name, known = manifest.name_of(file), manifest.files.get(file)
    if known is None:
        raise AppError("backup.damaged", file=name, reason="the manifest does not name it")
    with tempfile.NamedTemporaryFile(prefix="sightline-restore-") as copy:
        content_fetch(place, name, sealing, copy.file, known.sha256)
        copy.flush()
        yield Path(copy.name)


def content_fetch(place: BackupPlace, name: str, sealing: Sealing, target: IO[bytes], sha256: str) -> int:
    """Write the content of a file to `target`, decrypted; return its bytes.

    Raises AppError `backup.damaged` where it is not of this SHA-256; `target` has it all the same then.
    """
    checked = Hashing(target)
    with place.open(name) as stored:
        sealing.open_sealed(stored, checked, name)  # type: ignore[arg-type]  # write is all that is asked of it
    if checked.sha256 != sha256:
        raise AppError("backup.damaged", file=name, reason="its checksum is another")
    return checked.size

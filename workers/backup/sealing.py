"""Encryption of a backup's files in the format of age (age-encryption.org/v1), which the program `age` reads too.

A backup is made with public keys (`age1…`) alone. The private one is needed to restore, and does not belong on the
server.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from retrieval_site.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

CHUNK_BYTES = 1024 * 1024
KEY_WORDS = "AGE-SECRET-KEY-"


@dataclass(frozen=True)
class Sealing:
    """For whom files are encrypted: nobody, and they are as they are, or the holders of keys."""

    recipients: tuple[str, ...] = ()
    identities: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Return a short name of the recipients: files that others can open are other files."""
        return hashlib.sha256("\n".join(self.recipients).encode()).hexdigest()[:12] if self.recipients else ""

    def seal(self, source: IO[bytes], target: IO[bytes]) -> None:
        """Copy, encrypted where there are recipients; memory stays constant."""
        if not self.recipients:
            shutil.copyfileobj(source, target, CHUNK_BYTES)
            return
        import pyrage

        read = _Source(source)
        try:
            pyrage.encrypt_io(read, target, [_recipient(one) for one in self.recipients])
        except pyrage.EncryptError as error:
            if read.failure:
                raise read.failure from error
            raise

    def open_sealed(self, source: IO[bytes], target: IO[bytes], name: str) -> None:
        """Copy what `seal` wrote, decrypted; raises AppError `backup.key_needed`, `backup.key_wrong`, `backup.damaged`.

        What was changed on the way is found in the part that it stands in: `target` may have what came before.
        """
        if not self.recipients:
            shutil.copyfileobj(source, target, CHUNK_BYTES)
            return
        if not self.identities:
            raise AppError("backup.key_needed", recipients=list(self.recipients))
        import pyrage

        read = _Source(source)
        try:
            pyrage.decrypt_io(read, target, [pyrage.x25519.Identity.from_str(one) for one in self.identities])
        except pyrage.DecryptError as error:
            if read.failure:
                raise read.failure from error
            if "matching" in str(error):
                raise AppError("backup.key_wrong", recipients=list(self.recipients)) from error
            raise AppError("backup.damaged", file=name, reason="it cannot be decrypted") from error
        except OSError as error:
            if error.errno is not None:  # of the disk, not of what is read
                raise
            raise AppError("backup.damaged", file=name, reason="it cannot be decrypted") from error


class _Source:
    """A file to read, with the error of ours that this raised: the library makes one of its own of it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.failure: AppError | None = None

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        try:
            return self._file.read(size)
        except AppError as error:
            self.failure = error
            raise


def _recipient(written: str) -> object:
    import pyrage

    try:
        return pyrage.x25519.Recipient.from_str(written)
    except pyrage.RecipientError as error:
        raise AppError("backup.key_invalid", key=written[:80]) from error


def recipients_check(recipients: Iterable[str]) -> tuple[str, ...]:
    """Return public keys, sorted; raises AppError `backup.key_invalid`."""
    keys = tuple(sorted(set(recipients)))
    for key in keys:
        _recipient(key)
    return keys


def recipients_read(path: Path) -> tuple[str, ...]:
    """Return the public keys of a file, one a line, without its comments; raises AppError `backup.key_invalid`.

    A file without a key is invalid too: whoever names one wants encryption.
    """
    try:
        lines = [line.strip() for line in path.read_text().splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise AppError("backup.key_invalid", key=str(path)) from error
    keys = tuple(line for line in lines if line and not line.startswith("#"))
    if not keys:
        raise AppError("backup.key_invalid", key=str(path))
    return keys


def identities_read(path: Path) -> tuple[str, ...]:
    """Return the private keys of a file as `age-keygen` writes it; raises AppError `backup.key_invalid`."""
    import pyrage

    try:
        lines = [line.strip() for line in path.read_text().splitlines()]
        keys = tuple(line for line in lines if line.startswith(KEY_WORDS))
        for key in keys:
            pyrage.x25519.Identity.from_str(key)
    except (OSError, UnicodeDecodeError, pyrage.IdentityError) as error:
        raise AppError("backup.key_invalid", key=str(path)) from error
    if not keys:
        raise AppError("backup.key_invalid", key=str(path))
    return keys


def identity_make() -> tuple[str, str]:
    """Return a new private key and its public one."""
    import pyrage

    identity = pyrage.x25519.Identity.generate()
    return str(identity), str(identity.to_public())

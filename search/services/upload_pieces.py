"""One piece of an upload, on its way from the request to the disk: memory stays constant."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Protocol

from retrieval_site.errors import AppError

if TYPE_CHECKING:
    from pathlib import Path

PIECE_BYTES_MAX = 64 << 20
CHUNK_BYTES = 1 << 18
ALGORITHMS = ("sha1", "sha256", "sha512")


class Readable(Protocol):
    """What a request's body can do."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, none at the end."""
        ...


@dataclass(frozen=True)
class UploadPiece:
    """Bytes of a file from `offset` on; `checksum` is an algorithm and a digest as tus writes them, or empty."""

    offset: int
    body: Readable
    checksum: str = ""

    def write(self, path: Path, *, room: int) -> int:
        """Write it into a file and return its length in bytes. Raises AppError `upload.too_long`, `upload.checksum`."""
        algorithm, wanted = _checksum(self.checksum)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        digest, written = hashlib.new(algorithm), 0
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            file.seek(self.offset)
            while chunk := self.body.read(CHUNK_BYTES):
                written += len(chunk)
                if written > room:
                    raise AppError("upload.too_long")
                digest.update(chunk)
                file.write(chunk)
            _keep(file)
        if wanted and not hmac.compare_digest(digest.digest(), wanted):
            raise AppError("upload.checksum")
        return written


def _keep(file: IO[bytes]) -> None:
    """Cut off what a piece that broke off has left behind this one, and let the rest survive a crash."""
    file.truncate()
    file.flush()
    os.fsync(file.fileno())


def _checksum(written: str) -> tuple[str, bytes]:
    """Return an algorithm and the digest, empty where none is asked for. Raises AppError `upload.checksum_invalid`."""
    if not written:
        return "sha256", b""
    algorithm, _, encoded = written.partition(" ")
    try:
        wanted = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        wanted = b""
    if algorithm not in ALGORITHMS or not wanted:
        raise AppError("upload.checksum_invalid", known=list(ALGORITHMS))
    return algorithm, wanted

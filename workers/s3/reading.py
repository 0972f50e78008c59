"""An object as a file: read on without a request for each piece, sought in, and taken up again where a line breaks."""

from __future__ import annotations

import hashlib
import io
from typing import IO, TYPE_CHECKING

from retrieval_site.errors import AppError
from workers.s3.client import RETRY_SECONDS, TRIES

if TYPE_CHECKING:
    from typing_extensions import Buffer
    from urllib3 import BaseHTTPResponse

    from workers.s3.client import S3Client

BUFFER_BYTES = 1 << 17


def object_open(client: S3Client, key: str, sha256: str = "") -> IO[bytes]:
    """Open an object for reading; it takes 128 KiB of memory, whatever its size. Raises FileNotFoundError.

    Whoever reads all of it from the beginning does not get its last bytes if it is not of this SHA-256: reading raises
    AppError `blob.damaged`. A line that breaks is taken up where it was, three times; then `storage.unreachable`.
    """
    return io.BufferedReader(ObjectReader(client, key, sha256), BUFFER_BYTES)


class ObjectReader(io.RawIOBase):
    """The bytes of one version of an object."""

    def __init__(self, client: S3Client, key: str, sha256: str) -> None:
        super().__init__()
        self._client, self._key, self._sha256 = client, key, sha256
        self._stream: BaseHTTPResponse | None
        self._stream, known = client.get(key)
        self._size, self._tag = known.size, known.tag
        self._at = self._stream_at = self._hashed = 0
        self._digest = hashlib.sha256()

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the place of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to another place; nothing is asked before somebody reads there."""
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence])
        return self._at

    def readinto(self, target: Buffer, /) -> int:
        """Read on; raises AppError `storage.unreachable`, `blob.damaged`."""
        view = memoryview(target).cast("B")
        wanted = min(len(view), self._size - self._at)
        if wanted <= 0:
            return 0
        data = self._read(wanted)
        if self._hashed == self._at:
            self._digest.update(data)
            self._hashed += len(data)
            if self._hashed == self._size and self._sha256 and self._digest.hexdigest() != self._sha256:
                raise AppError("blob.damaged", sha256=self._sha256)
        self._at += len(data)
        view[: len(data)] = data
        return len(data)

    def _read(self, wanted: int) -> bytes:
        from urllib3.exceptions import HTTPError

        for _ in range(TRIES):
            try:
                if self._stream is None or self._stream_at != self._at:
                    self._reopen()
                if self._stream and (data := self._stream.read(wanted)):
                    self._stream_at += len(data)
                    return data
            except (HTTPError, OSError) as error:
                if isinstance(error, FileNotFoundError | FileExistsError):
                    raise AppError("blob.missing", sha256=self._sha256) from error
            self._drop()
        raise AppError("storage.unreachable", retry_after_seconds=RETRY_SECONDS)

    def _reopen(self) -> None:
        self._drop()
        self._stream, _ = self._client.get(self._key, self._at, self._tag)
        self._stream_at = self._at

    def _drop(self) -> None:
        """Let the connection go: back to its pool where all of the answer has come, else closed."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def close(self) -> None:
        """Close."""
        self._drop()
        super().close()

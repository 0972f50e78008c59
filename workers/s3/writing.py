"""Storing a file of any size as one object: in one request, or in parts that become one object at the end."""

from __future__ import annotations

import hashlib
import io
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, cast

from retrieval_site.errors import AppError
from workers.s3.client import CHUNK_BYTES, S3Client, S3Request, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

PART_BYTES = 64 << 20
PARTS_MAX = 10_000


def object_store(client: S3Client, key: str, file: IO[bytes], size: int, sha256: str = "") -> None:
    """Store the first `size` bytes of a file, whole or not at all; each request names their SHA-256.

    Raises AppError `storage.*`; of a file that is not what `sha256` says, the service refuses to take it.
    """
    if size <= PART_BYTES:
        client.put(key, file, size, sha256 or sha256_of(file))
        return
    step = max(PART_BYTES, -(-size // PARTS_MAX))
    with multipart(client, key) as parts:
        for start in range(0, size, step):
            part = FilePart(file, start, min(step, size - start))
            body = cast("IO[bytes]", part)  # of files, reading and seeking are asked for
            parts.add(body, part.size, sha256_of(body))


def sha256_of(file: IO[bytes]) -> str:
    """Return the SHA-256 of a file from its beginning."""
    file.seek(0)
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK_BYTES):
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()


class FilePart(io.RawIOBase):
    """A part of a file, as a file of its own."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        super().__init__()
        self._file, self._start, self.size, self._at = file, start, size, 0

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place counted from the part's beginning."""
        self._at = offset
        self._file.seek(self._start + offset)
        return offset

    def read(self, size: int = -1, /) -> bytes:
        """Read on, to the part's end at most."""
        left = self.size - self._at
        found = self._file.read(left if size < 0 else min(size, left))
        self._at += len(found)
        return found


@contextmanager
def multipart(client: S3Client, key: str) -> Iterator[ObjectParts]:
    """Give what takes an object's parts one after another; it is there once this ends well, and not at all else."""
    upload = text_of(client.read_xml("POST", key, {"uploads": ""}), "UploadId")
    parts = ObjectParts(client, key, upload)
    try:
        yield parts
        parts.complete()
    except BaseException:
        with suppress(AppError, FileNotFoundError):  # what went wrong first is told
            client.ask(S3Request("DELETE", key, {"uploadId": upload})).close()
        raise


@dataclass
class ObjectParts:
    """An object that is being sent in parts."""

    client: S3Client
    key: str
    upload: str
    tags: list[str] = field(default_factory=list)

    def add(self, body: IO[bytes], size: int, sha256: str) -> None:
        """Send the next part."""
        query = {"partNumber": str(len(self.tags) + 1), "uploadId": self.upload}
        request = S3Request("PUT", self.key, query, {}, body, size, sha256)
        with closing(self.client.ask(request)) as done:
            self.tags.append(done.headers.get("ETag", ""))

    def complete(self) -> None:
        """Make the object of its parts."""
        from xml.sax.saxutils import escape

        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(tag)}</ETag></Part>"
            for number, tag in enumerate(self.tags, 1)
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        self.client.read_xml("POST", self.key, {"uploadId": self.upload}, body)

"""Asking a service that speaks S3 for objects: connections are kept, each request is signed and tried three times."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from contextlib import closing
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from retrieval_site.errors import AppError
from workers.s3.signing import EMPTY_SHA256, S3Bucket, S3Keys, S3Signer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from urllib3 import BaseHTTPResponse, PoolManager

LOG = logging.getLogger(__name__)
TRIES = 3
WAIT_SECONDS = 0.2
CONNECT_SECONDS = 4.0
RETRY_SECONDS = 5
CONNECTIONS = 16
CHUNK_BYTES = 1 << 18
ANSWER_BYTES_MAX = 4 << 20
PAGE_OBJECTS = 1000
_LATER = frozenset({429, 500, 502, 503, 504})
CONDITIONS = frozenset({"If-None-Match", "If-Match"})
CONFLICT = HTTPStatus.CONFLICT
"""Of two conditional requests at once, S3 may answer one so."""
NEW = {"If-None-Match": "*"}
"""The condition that there is no such object."""


def only_while(tag: str) -> dict[str, str]:
    """Return the condition that an object is still the one with this tag."""
    return {"If-Match": tag}


@dataclass(frozen=True)
class S3Place:
    """A bucket, or what begins with a prefix in it, and how to ask there; `seconds` is the longest silence."""

    bucket: S3Bucket
    keys: S3Keys
    prefix: str = ""
    seconds: float = 10.0

    @property
    def words(self) -> str:
        """The place as people write it."""
        return f"s3://{self.bucket.name}/{self.prefix}"


@dataclass(frozen=True)
class S3Object:
    """What the service says of an object: `age_seconds` by its own clock."""

    size: int
    tag: str
    age_seconds: float


@dataclass(frozen=True)
class S3Request:
    """One request: for an object, or for the bucket where `key` is empty; a body is `size` bytes of a file."""

    method: str
    key: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: IO[bytes] | None = None
    size: int = 0
    sha256: str = EMPTY_SHA256


@dataclass
class S3Client:
    """Objects of one place, by keys without its prefix. Raises AppError `storage.unreachable`, `storage.refused`."""

    place: S3Place
    _pools: dict[int, PoolManager] = field(default_factory=dict)

    def head(self, key: str) -> S3Object | None:
        """Return what is known of an object, None where there is none."""
        try:
            with closing(self.ask(S3Request("HEAD", key))) as response:
                return _known(response, int(response.headers.get("Content-Length", "0")))
        except FileNotFoundError:
            return None

    def get(self, key: str, start: int = 0, tag: str = "") -> tuple[BaseHTTPResponse, S3Object]:
        """Open an object from a byte on, to be read and closed; with `tag`, only while it is still that one.

        Raises FileNotFoundError.
        """
        headers = {"Range": f"bytes={start}-"} if start else {}
        response = self.ask(S3Request("GET", key, headers=headers | ({"If-Match": tag} if tag else {})))
        length = response.headers.get("Content-Length")
        if length is None or (start and response.status != HTTPStatus.PARTIAL_CONTENT):
            response.close()
            raise self._refused(
                "it sends no parts of files" if length else "it does not say how long a file is"
            )
        return response, _known(response, start + int(length))

    def put(
        self, key: str, body: IO[bytes], size: int, sha256: str, condition: Mapping[str, str] | None = None
    ) -> str:
        """Store `size` bytes of a file from its beginning, whole or not at all; the service checks their SHA-256.

        Returns the object's tag. With a `condition`, `NEW` or `only_while(tag)`, only where it holds: else raises
        FileExistsError, FileNotFoundError where the object with that tag is gone, and NotImplementedError of a service
        that says it knows no conditions. Others that know none take everything.
        """
        headers = {"Content-Type": "application/octet-stream", **(condition or {})}
        with closing(self.ask(S3Request("PUT", key, {}, headers, body, size, sha256))) as response:
            return str(response.headers.get("ETag", ""))

    def delete(self, key: str) -> None:
        """Delete an object; nothing happens where there is none."""
        try:
            self.ask(S3Request("DELETE", key)).close()
        except FileNotFoundError:
            return

    def objects(self, prefix: str = "", most: int = PAGE_OBJECTS) -> Iterator[tuple[str, int]]:
        """Yield key and size of all objects that begin so, by key, in pages of `most`."""
        last, is_last = "", False
        while not is_last:
            page, is_last = self._page(prefix, last, most)
            for key, size in page:
                yield key.removeprefix(self.place.prefix), size
            if page and page[-1][0].encode() <= last.encode():
                raise self._refused("its list has no end")
            last = page[-1][0] if page else last

    def answers(self) -> None:
        """Ask for one name; raises what `S3Client` raises where the place cannot be used."""
        self._page("", "", 1)

    def _page(self, prefix: str, after: str, most: int) -> tuple[list[tuple[str, int]], bool]:
        """Return keys with sizes, and whether they are the last; a service may send fewer than `most` before them."""
        query = {"list-type": "2", "encoding-type": "url", "max-keys": str(most)}
        query |= {"prefix": self.place.prefix + prefix} if self.place.prefix + prefix else {}
        query |= {"start-after": after} if after else {}
        root = self.read_xml("GET", "", query)
        named = [
            {_local(part.tag): part.text or "" for part in each} for each in root.iter() if _is_object(each)
        ]
        page = [(unquote_plus(each["Key"]), int(each["Size"])) for each in named]
        return page, not page or text_of(root, "IsTruncated") == "false"

    def read_xml(self, method: str, key: str, query: Mapping[str, str], body: bytes = b"") -> Any:
        """Return the root of an answer in XML; one that is an error is raised whatever its status was."""
        from io import BytesIO

        from defusedxml.ElementTree import ParseError, fromstring

        sha256, file = hashlib.sha256(body).hexdigest(), BytesIO(body) if body else None
        with closing(self.ask(S3Request(method, key, query, {}, file, len(body), sha256))) as response:
            try:
                root = fromstring(self._read(response))
            except (ParseError, ValueError) as error:  # also of what defusedxml forbids
                raise self._refused("its answer is no XML") from error
        if _local(root.tag) == "Error":
            raise self._refused(text_of(root, "Code"))
        return root

    def presigned(self, key: str, seconds: int, looks: Mapping[str, str]) -> str:
        """Return an address from which anybody may get an object for some seconds; `looks` is of the answer."""
        bucket = self.place.bucket
        return S3Signer(bucket.region, self.place.keys).presigned(
            bucket, self.place.prefix + key, seconds, looks
        )

    def ask(self, request: S3Request) -> BaseHTTPResponse:
        """Return a good answer, to be read and closed.

        Raises FileNotFoundError, FileExistsError, NotImplementedError of a condition, AppError `storage.*`.
        A service that is busy or does not answer is asked three times.
        """
        for tried in range(1, TRIES + 1):
            response, reason = self._tried(request)
            if response is not None and response.status not in _LATER:
                return self._checked(response, request)
            if response is not None:
                reason = f"it answers {response.status}"
                response.close()
            if tried < TRIES:
                time.sleep(WAIT_SECONDS * tried**2)
        raise self._unreachable(reason)

    def _tried(self, request: S3Request) -> tuple[BaseHTTPResponse | None, str]:
        """Send a request once; return the answer, or None and why there is none."""
        from urllib3.exceptions import HTTPError

        address = self.place.bucket.address(self._key(request), request.query)
        headers = S3Signer(self.place.bucket.region, self.place.keys).headers(
            request.method, address, {**request.headers, "Accept-Encoding": "identity"}, request.sha256
        )
        if request.method in ("PUT", "POST"):
            headers["Content-Length"] = str(request.size)
        if request.body is not None:
            request.body.seek(0)
        try:
            return self._pool().urlopen(
                request.method,
                address,
                body=request.body,
                headers=headers,
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
            ), ""
        except (HTTPError, OSError) as error:
            return None, type(error).__name__

    def _key(self, request: S3Request) -> str:
        return self.place.prefix + request.key if request.key else ""

    def _pool(self) -> PoolManager:
        """Return this process's connections: those of the process that it was forked from are not ours."""
        pool = self._pools.get(os.getpid())
        if pool is None:
            from urllib3 import PoolManager, Timeout

            timeout = Timeout(connect=CONNECT_SECONDS, read=self.place.seconds)
            pool = self._pools[os.getpid()] = PoolManager(maxsize=CONNECTIONS, timeout=timeout)
        return pool

    def _checked(self, response: BaseHTTPResponse, request: S3Request) -> BaseHTTPResponse:
        """Return a good answer. No such object is no error of the service, but no such bucket or upload is."""
        if response.status < HTTPStatus.MULTIPLE_CHOICES:
            return response
        with closing(response):
            said = self._read(response)
        code = _code(response.status, said)
        conditions = request.headers.keys() & CONDITIONS
        of_object = bool(request.key) and (
            request.method in ("GET", "HEAD", "DELETE") or "If-Match" in conditions
        )
        if response.status == HTTPStatus.NOT_FOUND and of_object and not code.endswith("NoSuchBucket"):
            raise FileNotFoundError(self.place.words + request.key)
        if response.status == HTTPStatus.PRECONDITION_FAILED or (conditions and response.status == CONFLICT):
            raise FileExistsError(self.place.words + request.key)
        if conditions and response.status == HTTPStatus.NOT_IMPLEMENTED:
            raise NotImplementedError(self.place.words)
        raise self._refused(code)

    def _read(self, response: BaseHTTPResponse) -> bytes:
        """Return an answer that is no file; raises AppError `storage.unreachable`."""
        from urllib3.exceptions import HTTPError

        try:
            return response.read(ANSWER_BYTES_MAX)
        except (HTTPError, OSError) as error:
            raise self._unreachable(type(error).__name__) from error

    def _unreachable(self, reason: str) -> AppError:
        LOG.error("%s does not answer: %s", self.place.words, reason)
        return AppError("storage.unreachable", retry_after_seconds=RETRY_SECONDS)

    def _refused(self, reason: str) -> AppError:
        LOG.error("%s: the service refuses: %s", self.place.words, reason)
        return AppError("storage.refused", reason=reason)


def _known(response: BaseHTTPResponse, size: int) -> S3Object:
    headers = response.headers
    try:
        now, then = (parsedate_to_datetime(headers[name]) for name in ("Date", "Last-Modified"))
        age = (now - then).total_seconds()
    except (KeyError, ValueError, TypeError):
        age = 0.0
    return S3Object(size, headers.get("ETag", ""), age)


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _is_object(each: Any) -> bool:
    return _local(each.tag) == "Contents"


def text_of(root: Any, name: str) -> str:
    """Return the text of the first element of this name, "" where there is none."""
    return next((each.text or "" for each in root.iter() if _local(each.tag) == name), "")


def _code(status: int, said: bytes) -> str:
    """Return what an error is called in its own words, such as `AccessDenied`, with the status."""
    import re

    found = re.search(rb"<Code>([A-Za-z0-9._-]{1,80})</Code>", said)
    return f"{status} {found[1].decode()}" if found else str(status)

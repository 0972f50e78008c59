"""A picture's bytes from its address: every host is looked up once, and the address that was checked is connected to.

urllib3 speaks HTTP: its pools connect to an IP address while the certificate and the `Host` header are those of the
name, it follows no redirect and reads no proxy from the environment unless told so, and unpacks in bounded steps.
"""

from __future__ import annotations

import os
import socket
import ssl
import time
from contextlib import closing
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, SSLError
from urllib3.exceptions import TimeoutError as HttpTimeoutError

from workers.fetching.addresses import PictureAddress, read_address
from workers.fetching.networks import is_public
from workers.inference.errors import PictureError
from workers.inference.sniff import FORMATS, HEADER_BYTES, sniff_format

if TYPE_CHECKING:
    from collections.abc import Callable

    from urllib3 import BaseHTTPResponse

    from workers.fetching.networks import Address, Network

REDIRECTS_MAX = 4
TRIED_MAX = 3
"""How many addresses of one host are tried."""
CONNECT_SECONDS = 4.0
_CHUNK_BYTES = 1 << 16
_REDIRECTS = (301, 302, 303, 307, 308)
_OK, _PART = 200, 206
HEADERS = {
    "User-Agent": "Sightline (fetches a picture for a search)",
    "Accept": "image/*",
    "Accept-Encoding": "identity",
}
"""Pictures are compressed already; what a server packs all the same is unpacked."""

FILE_HEADERS = {
    "User-Agent": "Sightline (reads a source of documents)",
    "Accept": "application/ld+json, application/json, text/xml, application/xml, */*;q=0.1",
    "Accept-Encoding": "gzip",
}


def looked_up(host: str, port: int) -> list[str]:
    """Return a host's IP addresses as the system knows them; raises OSError where it knows none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True)
class FetchLimits:
    """What may be fetched: from which ports, and from which networks beside the public ones; how much, how long.

    `ca_file` are the certificates to trust: those that SSL_CERT_FILE names, unless told otherwise, and those of the
    system where it is empty. Without `pictures` any file is taken.
    """

    max_bytes: int
    seconds: float = 10.0
    ports: tuple[int, ...] = (80, 443)
    networks: tuple[str, ...] = ()
    ca_file: str = field(default_factory=lambda: os.environ.get("SSL_CERT_FILE", ""))
    pictures: bool = True


@dataclass
class Fetcher:
    """Fetches one picture after another under the same limits; `look_up` is asked once for each host and redirect."""

    limits: FetchLimits
    look_up: Callable[[str, int], list[str]] = looked_up
    _allowed: tuple[Network, ...] = field(init=False)
    _context: ssl.SSLContext = field(init=False)

    def __post_init__(self) -> None:
        self._allowed = tuple(map(ip_network, self.limits.networks))
        self._context = ssl.create_default_context(cafile=self.limits.ca_file or None)

    def fetch(self, written: str, headers: dict[str, str] | None = None) -> bytes:
        """Return the file at an address; raises PictureError `image_url.*` and `image.too_large`.

        With `headers`, which may tell a secret, no redirect is followed; a part of a file will do; nothing is unpacked.
        """
        ends, asked = time.monotonic() + self.limits.seconds, written
        for _ in range(REDIRECTS_MAX + 1):
            address = read_address(asked, self.limits.ports)
            try:
                with closing(self._opened(address, ends, headers)) as response:
                    location = None if headers else _location(response)
                    if headers and response.status not in (_OK, _PART):
                        raise _status(response)
                    if location is None:
                        return self._read(response, ends, unpack=not headers)
                    asked = urljoin(address.written, location)
            except (HTTPError, OSError, ValueError) as error:
                raise self._problem(error, address) from error
        raise PictureError("image_url.redirects", limit=REDIRECTS_MAX)

    def post(self, written: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """Send a body to an address; return the answer's status and its beginning, at most `max_bytes` of it.

        No redirect is followed. Raises PictureError `image_url.*`.
        """
        ends = time.monotonic() + self.limits.seconds
        address = read_address(written, self.limits.ports)
        try:
            with closing(self._opened(address, ends, headers, body)) as response:
                answered = response.read1(self.limits.max_bytes, decode_content=False)
                return response.status, bytes(answered[: self.limits.max_bytes])
        except (HTTPError, OSError, ValueError) as error:
            raise self._problem(error, address) from error

    def _problem(self, error: Exception, address: PictureAddress) -> PictureError:
        """Return what a request that came to nothing is refused with."""
        if isinstance(error, SSLError):
            return PictureError("image_url.tls", host=address.host)
        if isinstance(error, HttpTimeoutError) and not isinstance(error, NewConnectionError):
            return self._timeout()
        return PictureError("image_url.unreachable", host=address.host)

    def _opened(
        self, address: PictureAddress, ends: float, more: dict[str, str] | None, body: bytes | None = None
    ) -> BaseHTTPResponse:
        """Ask the first of the host's public addresses that can be connected to."""
        headers = HEADERS if self.limits.pictures else FILE_HEADERS
        headers = headers | (more or {}) | {"Host": address.host_header, "Connection": "close"}
        public = self._public(address)
        for place in public[:-1]:
            try:
                return self._asked(address, place, ends, headers, body)
            except (ConnectTimeoutError, NewConnectionError):
                continue
        return self._asked(address, public[-1], ends, headers, body)

    def _public(self, address: PictureAddress) -> list[Address]:
        """Return the host's addresses that may be connected to, as they are looked up now."""
        try:
            found = [ip_address(place) for place in self.look_up(address.host, address.port)]
        except (OSError, UnicodeError):
            found = []
        public = [place for place in found if is_public(place, self._allowed)]
        if not public:
            raise PictureError("image_url.not_public", host=address.host)
        return public[:TRIED_MAX]

    def _asked(
        self,
        address: PictureAddress,
        place: Address,
        ends: float,
        headers: dict[str, str],
        body: bytes | None,
    ) -> BaseHTTPResponse:
        left = self._left(ends)
        pool = self._pool(address, str(place), Timeout(connect=min(CONNECT_SECONDS, left), read=left))
        return pool.urlopen(
            "GET" if body is None else "POST",
            address.target,
            body,
            headers,
            redirect=False,
            retries=False,
            preload_content=False,
        )

    def _pool(self, address: PictureAddress, place: str, timeout: Timeout) -> HTTPConnectionPool:
        if address.scheme == "http":
            return HTTPConnectionPool(place, address.port, timeout=timeout)
        return HTTPSConnectionPool(
            place, address.port, timeout=timeout, ssl_context=self._context, server_hostname=address.host
        )

    def _read(self, response: BaseHTTPResponse, ends: float, *, unpack: bool) -> bytes:
        """Return the body, unpacked; refuses one as soon as it is seen to be no picture, or too large."""
        body = bytearray()
        self._check_size(int(response.headers.get("Content-Length", "")[:18] or 0))
        while chunk := response.read1(_CHUNK_BYTES, decode_content=unpack):
            body += chunk
            self._check_size(len(body))
            self._left(ends)
            if len(body) >= HEADER_BYTES:
                self._check_content(body)
        self._check_content(body)
        return bytes(body)

    def _check_content(self, body: bytearray) -> None:
        if self.limits.pictures and sniff_format(bytes(body[:HEADER_BYTES])) is None:
            raise PictureError("image_url.no_picture", formats=", ".join(FORMATS))

    def _check_size(self, size: int) -> None:
        if size > self.limits.max_bytes:
            raise PictureError("image.too_large", limit_bytes=self.limits.max_bytes)

    def _left(self, ends: float) -> float:
        """Return the seconds that are left."""
        left = ends - time.monotonic()
        if left <= 0:
            raise self._timeout()
        return left

    def _timeout(self) -> PictureError:
        return PictureError("image_url.timeout", limit_seconds=self.limits.seconds)


def _location(response: BaseHTTPResponse) -> str | None:
    """Return where a redirect leads, None of an answer that has a body; raises PictureError for all others."""
    location = response.headers.get("Location", "")
    if response.status in _REDIRECTS and location:
        return location.encode("latin-1", "replace").decode("utf-8", "replace")
    if response.status != _OK:
        raise _status(response)
    return None


def _status(response: BaseHTTPResponse) -> PictureError:
    """Return the refusal of an answer that is none, with how long its server wants to be left alone."""
    later = response.headers.get("Retry-After", "")
    waits = (
        {"retry_after_seconds": int(later)} if later.isascii() and later.isdigit() and len(later) < 7 else {}
    )
    return PictureError("image_url.status", answered=response.status, **waits)

"""An address (URL) of a picture: read once, so that nothing behind it can read it in another way."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from workers.inference.errors import PictureError

CHARACTERS_MAX = 2048
DEFAULT_PORTS = {"http": 80, "https": 443}
_UNREADABLE = re.compile(r"[\x00-\x20\x7f\\]")
"""Browsers and libraries disagree about control characters, blanks and backslashes."""
_HOST = re.compile(r"[a-z0-9._-]{1,253}")
_IPV6 = re.compile(r"[0-9a-f:.]{2,45}")
_AS_THEY_ARE = "/%:@!$&'()*+,;=~-._?"


@dataclass(frozen=True)
class PictureAddress:
    """Whom to ask, at which port, for what: `host` is a name in ASCII or an IP address without brackets."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def host_header(self) -> str:
        """The host as a request names it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def written(self) -> str:
        """The address, which a redirect may be relative to."""
        return f"{self.scheme}://{self.host_header}{self.target}"


def read_address(written: str, ports: tuple[int, ...]) -> PictureAddress:
    """Return what an address says; raises PictureError `image_url.invalid`."""
    if len(written) > CHARACTERS_MAX:
        raise PictureError("image_url.invalid/length", limit=CHARACTERS_MAX)
    if _UNREADABLE.search(written):
        raise PictureError("image_url.invalid")
    try:
        parts = urlsplit(written)
        port = parts.port
    except ValueError as error:
        raise PictureError("image_url.invalid") from error
    if parts.scheme not in DEFAULT_PORTS:
        raise PictureError("image_url.invalid/scheme")
    if "@" in parts.netloc:
        raise PictureError("image_url.invalid/credentials")
    port = port or DEFAULT_PORTS[parts.scheme]
    if port not in ports:
        raise PictureError("image_url.invalid/port", port=port, ports=list(ports))
    target = quote(parts.path or "/", safe=_AS_THEY_ARE)
    query = f"?{quote(parts.query, safe=_AS_THEY_ARE)}" if parts.query else ""
    return PictureAddress(parts.scheme, _host(parts.hostname or ""), port, target + query)


def _host(written: str) -> str:
    """Return a host's name in ASCII, as browsers write it, or its IP address."""
    if ":" in written and _IPV6.fullmatch(written):
        return written
    host = written if written.isascii() else _in_ascii(written)
    if not _HOST.fullmatch(host):
        raise PictureError("image_url.invalid/host")
    return host


def _in_ascii(written: str) -> str:
    import idna  # its tables are needed for few addresses only

    try:
        return idna.encode(written, uts46=True).decode()
    except idna.IDNAError as error:
        raise PictureError("image_url.invalid/host") from error

"""What a request's head must look like: whatever two programs could read in two ways is refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADERS_MAX = 100
_ONCE = frozenset(
    {b"content-length", b"transfer-encoding", b"host", b"content-type", b"authorization", b"expect"}
)
# waitress's own patterns take a time that grows with the square of what does not fit these two.
_FIRST_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32} [^\x00-\x20\x7f]+ HTTP/1\.[01]")
_GAP = re.compile(rb"[ \t]{64}")


class MalformedError(ValueError):
    """A request that has no single meaning; the text says why."""


def check_head(head: bytes) -> None:
    """Raise MalformedError for a head (request line and headers) that is ambiguous."""
    first, *lines = head.rstrip(b"\r\n").split(b"\r\n")
    if _FIRST_LINE.fullmatch(first) is None:
        raise MalformedError("The first line is not a method, an address and HTTP/1.0 or HTTP/1.1.")
    if _GAP.search(head):
        raise MalformedError("A header holds too many spaces in a row.")
    if len(lines) > HEADERS_MAX:
        raise MalformedError(f"There are more than {HEADERS_MAX} headers.")
    if any(line[:1] in b" \t" for line in lines):
        raise MalformedError("A header goes on in the next line.")
    names = [line.partition(b":")[0].lower() for line in lines]
    twice = sorted({name.decode("latin-1") for name in names if name in _ONCE and names.count(name) > 1})
    if twice:
        raise MalformedError(f"There is more than one {', '.join(twice)} header.")
    _check_length(first, dict(zip(names, lines, strict=True)))


def _check_length(first: bytes, lines: Mapping[bytes, bytes]) -> None:
    if b"transfer-encoding" not in lines:
        return
    if b"content-length" in lines:
        raise MalformedError("Content-Length and Transfer-Encoding exclude each other.")
    if not first.endswith(b" HTTP/1.1"):
        raise MalformedError("Transfer-Encoding needs HTTP/1.1.")
    if lines[b"transfer-encoding"].partition(b":")[2].strip(b" \t").lower() != b"chunked":
        raise MalformedError("The only Transfer-Encoding is chunked.")


def check_target(version: str, uri: str, host: str | None) -> None:
    """Raise MalformedError for a request line that is not for this server."""
    if version == "1.1" and host is None:
        raise MalformedError("There is no Host header.")
    if uri.startswith("/") or uri == "*":
        return
    scheme, _, rest = uri.partition("://")
    if scheme.lower() not in {"http", "https"} or re.split(r"[/?#]", rest)[0].lower() != (host or "").lower():
        raise MalformedError("The address is another host's.")


def check_path(path: str) -> None:
    """Raise MalformedError for a path with a NUL, which no address has and PostgreSQL takes in no text."""
    if "\x00" in path:
        raise MalformedError("The address holds a NUL.")

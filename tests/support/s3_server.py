"""A small server of a test that speaks as much of S3 as sources ask: pages of keys, parts of objects, and trouble."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote_plus, unquote, urlsplit
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler


@dataclass
class S3Server:
    """One bucket. `asked` holds each request's path and headers; `breaks` is of how many objects' answers half comes.

    `statuses` are answered in place of its own; `most` is how many keys a page has, whatever is asked for.
    """

    objects: dict[str, bytes] = field(default_factory=dict)
    most: int = 1000
    breaks: int = 0
    statuses: list[int] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    listing: bytes | None = None

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        """Answer a request."""
        self.asked.append((request.path, dict(request.headers.items())))
        parts = urlsplit(request.path)
        _, _, key = unquote(parts.path).removeprefix("/").partition("/")
        if self.statuses:
            self._say(request, self.statuses.pop(0), b"")
        elif key:
            self._object(request, key)
        else:
            self._say(request, 200, self.listing or self._page(parse_qs(parts.query)))

    def _page(self, asked: dict[str, list[str]]) -> bytes:
        prefix, after = (asked.get(name, [""])[0] for name in ("prefix", "start-after"))
        keys = sorted(self.objects, key=str.encode)
        fitting = [key for key in keys if key.startswith(prefix) and key.encode() > after.encode()]
        most = min(self.most, int(asked["max-keys"][0]))
        rows = "".join(
            f"<Contents><Key>{quote_plus(key)}</Key><ETag>{escape(self._tag(key))}</ETag>"
            f"<Size>{len(self.objects[key])}</Size></Contents>"
            for key in fitting[:most]
        )
        return (
            '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<EncodingType>url</EncodingType>{rows}</ListBucketResult>"
        ).encode()

    def _tag(self, key: str) -> str:
        return f'"{hashlib.md5(self.objects[key], usedforsecurity=False).hexdigest()}"'

    def _object(self, request: BaseHTTPRequestHandler, key: str) -> None:
        if key not in self.objects:
            return self._say(request, 404, b"")
        if request.headers.get("If-Match") != self._tag(key):
            return self._say(request, 412, b"")
        first, _, last = request.headers["Range"].removeprefix("bytes=").partition("-")
        return self._say(request, 206, self.objects[key][int(first) : int(last) + 1])

    def _say(self, request: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
        request.send_response(status)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        broken = status == 206 and self.breaks > 0
        self.breaks -= broken
        request.wfile.write(body[: len(body) // 2] if broken else body)
        if broken:
            request.close_connection = True

"""A small server of a test that speaks the model hub's own addresses: a revision's files, and each file in parts."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE_BYTES = 1000
"""Larger files are named by their SHA-256 and lie elsewhere, as those in Git LFS do."""


@dataclass
class HubServer:
    """One repository. `asked` holds each request's method, path and headers.

    `breaks_after`: so many bytes of a large file come, then the connection ends, once. `elsewhere`: where large files
    lie, if not here. `changed`: what is sent in place of a file. `gated`: for whom it is not.
    """

    repository: str
    files: dict[str, bytes] = field(default_factory=dict)
    breaks_after: int = 0
    elsewhere: str = ""
    changed: dict[str, bytes] = field(default_factory=dict)
    gated: bool = False
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        """Answer a request."""
        path = unquote(urlsplit(request.path).path)
        self.asked.append((request.command, path, dict(request.headers.items())))
        known = [f"/{self.repository}/resolve/{name}/" for name in ("main", COMMIT)]
        if self.gated and "Authorization" not in request.headers:
            self._say(request, 401, b"", {"X-Error-Code": "GatedRepo"})
        elif path in {f"/api/models/{self.repository}/revision/{name}" for name in ("main", COMMIT)}:
            self._say(request, 200, self._about(), {"Content-Type": "application/json"})
        elif start := next((start for start in known if path.startswith(start)), ""):
            self._file(request, path.removeprefix(start))
        elif path.startswith("/lfs/"):
            self._content(request, path.removeprefix("/lfs/"))
        else:
            code = "RevisionNotFound" if f"/models/{self.repository}/" in path else "RepoNotFound"
            self._say(request, 404, b"", {"X-Error-Code": code})

    def _about(self) -> bytes:
        siblings = [self._sibling(name, body) for name, body in self.files.items()]
        return json.dumps({"id": self.repository, "sha": COMMIT, "siblings": siblings}).encode()

    def _sibling(self, name: str, body: bytes) -> dict[str, object]:
        about: dict[str, object] = {"rfilename": name, "size": len(body), "blobId": _git(body)}
        if len(body) > LARGE_BYTES:
            about["lfs"] = {"size": len(body), "sha256": hashlib.sha256(body).hexdigest(), "pointerSize": 134}
        return about

    def _file(self, request: BaseHTTPRequestHandler, name: str) -> None:
        body = self.files.get(name)
        if body is None:
            self._say(request, 404, b"", {"X-Error-Code": "EntryNotFound"})
        elif len(body) > LARGE_BYTES:
            sha256 = hashlib.sha256(body).hexdigest()
            headers = {
                "X-Repo-Commit": COMMIT,
                "X-Linked-Etag": f'"{sha256}"',
                "X-Linked-Size": str(len(body)),
            }
            place = self.elsewhere or f"http://{request.headers['Host']}"
            self._say(request, 302, b"", headers | {"Location": f"{place}/lfs/{name}"})
        else:
            self._content(request, name)

    def _content(self, request: BaseHTTPRequestHandler, name: str) -> None:
        body = self.changed.get(name, self.files[name])
        headers = {"ETag": f'"{_git(self.files[name])}"', "X-Repo-Commit": COMMIT}
        first = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        part = body[first:]
        if first:
            headers["Content-Range"] = f"bytes {first}-{len(body) - 1}/{len(body)}"
        cut = self.breaks_after if request.command == "GET" and len(part) > self.breaks_after > 0 else 0
        self._say(request, 206 if first else 200, part, headers, cut)

    def _say(
        self, request: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str], cut: int = 0
    ) -> None:
        request.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        if request.command == "HEAD":
            return
        if cut:
            self.breaks_after = 0
            request.wfile.write(body[:cut])
            request.wfile.flush()
            request.close_connection = True
            request.connection.close()
            return
        request.wfile.write(body)


def _git(body: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(body) + body, usedforsecurity=False).hexdigest()


@contextmanager
def served_hub(hub: HubServer) -> Iterator[str]:
    """Serve on 127.0.0.1 during the block; gives the endpoint."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                hub(self)
            except OSError:  # the one who asked has heard enough
                self.close_connection = True

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Be silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()

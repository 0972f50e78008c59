"""One keep-alive connection to the API, as a program would use it."""

from __future__ import annotations

import http.client
import json
import select
import time
import uuid
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Timed:
    """An answer and how long it took from the first byte sent to the last one read."""

    status: int
    body: dict[str, Any]
    seconds: float


class Client:
    """A connection to `host:port`; not for several threads at once."""

    def __init__(self, port: int, token: str, host: str = "127.0.0.1") -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}"}

    def search_picture(self, picture: bytes, **fields: str) -> Timed:
        """Search by one picture (multipart)."""
        boundary = uuid.uuid4().hex
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in fields.items()
        ]
        disposition = 'Content-Disposition: form-data; name="image"; filename="p.jpg"'
        head = f"--{boundary}\r\n{disposition}\r\nContent-Type: image/jpeg\r\n\r\n"
        body = b"".join([*parts, head.encode(), picture, f"\r\n--{boundary}--\r\n".encode()])
        return self.send("POST", "/api/v1/search/", body, f"multipart/form-data; boundary={boundary}")

    def search(self, **fields: Any) -> Timed:
        """Search by JSON."""
        return self.post("search/", **fields)

    def post(self, path: str, **fields: Any) -> Timed:
        """Send JSON to a path below the API's."""
        return self.send("POST", f"/api/v1/{path}", json.dumps(fields).encode(), "application/json")

    def send(self, method: str, path: str, body: bytes = b"", content_type: str = "") -> Timed:
        """Send one request and read its answer, which is JSON or empty."""
        start = time.perf_counter()
        if self._was_closed():
            self._connection.close()  # and opened anew by the request
        headers = {**self._headers, "Content-Type": content_type} if content_type else self._headers
        self._connection.request(method, path, body or None, headers)
        answer = self._connection.getresponse()
        data = answer.read()
        seconds = time.perf_counter() - start
        return Timed(answer.status, json.loads(data) if data else {}, seconds)

    def _was_closed(self) -> bool:
        """Return whether the server has ended the idle connection: nothing else can be there to read."""
        socket = self._connection.sock
        return socket is not None and bool(select.select([socket], [], [], 0)[0])

"""A real web server for tests, and raw connections to it."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from tests.flows.served import free_port
from tests.support.workers import ROOT, worker_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

START_SECONDS = 60
ANSWER_SECONDS = 5
"""Within this an ordinary request is answered, however busy the machine; a held thread would take ten and more."""


@dataclass
class WebServer:
    port: int
    probe_port: int
    data_dir: Path
    process: subprocess.Popen[bytes]

    def get(self, address: str, *, port: int = 0, timeout: float = ANSWER_SECONDS) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=timeout)
        try:
            connection.request("GET", address)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def connect(self, source: str = "127.0.0.1", receive_bytes: int = 0) -> socket.socket:
        client = socket.socket()
        if receive_bytes:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        client.settimeout(20)
        client.bind((source, 0))
        client.connect(("127.0.0.1", self.port))
        return client

    def say(self, data: bytes) -> bytes:
        """Send raw bytes and return all that comes until the server closes (or is silent for a second)."""
        with self.connect() as client:
            client.sendall(data)
            return read_all(client)

    @property
    def log(self) -> str:
        return (self.data_dir / "web.log").read_text()

    def resident_bytes(self) -> int:
        return psutil.Process(self.process.pid).memory_info().rss

    def spooled_bytes(self) -> int:
        """How much the server holds in temporary files, those without a name included."""
        spool = str(self.data_dir / "spool")
        total = 0
        for entry in Path(f"/proc/{self.process.pid}/fd").iterdir():
            try:
                if str(entry.readlink()).startswith(spool) and entry.is_file():
                    total += entry.stat().st_size
            except OSError:
                continue
        return total

    def temporary_bytes(self) -> int:
        """How much lies in the spool's folder and in the machine's own temporary folder, by this process."""
        return self.spooled_bytes() + sum(
            path.stat().st_size for path in (self.data_dir / "spool").rglob("*") if path.is_file()
        )


def read_all(client: socket.socket, silence: float = 2.0) -> bytes:
    client.settimeout(silence)
    found = b""
    try:
        while chunk := client.recv(65536):
            found += chunk
    except (TimeoutError, ConnectionResetError):
        pass
    return found


def read_answer(client: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Read exactly one answer with a Content-Length."""
    found = b""
    while b"\r\n\r\n" not in found:
        chunk = client.recv(65536)
        if not chunk:
            raise ConnectionError(f"closed after {found!r}")
        found += chunk
    head, _, body = found.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += client.recv(65536)
    return int(first.split()[1]), headers, body


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def error_of(answer: bytes) -> dict[str, Any]:
    return json.loads(answer.partition(b"\r\n\r\n")[2])["error"]


@contextmanager
def web_server(folder: Path, **extra: str) -> Iterator[WebServer]:
    """Start a web server on the test database; answers the addresses of `tests.support.web_urls` too."""
    port, probe_port = free_port(), free_port()
    environment = worker_environment() | {
        "DJANGO_SETTINGS_MODULE": "tests.support.web_settings",
        "DATA_DIR": str(folder),
        "PORT": str(port),
        "PROBE_PORT": str(probe_port),
        "PYTHONUNBUFFERED": "1",
        **extra,
    }
    environment.pop("TMPDIR", None)
    with (folder / "web.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "retrieval_site.web"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    server = WebServer(port, probe_port, folder, process)
    try:
        _wait(server)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(server: WebServer) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            server.get("/healthz", port=server.probe_port)
            return
        except OSError:
            assert server.process.poll() is None, server.log
            assert time.monotonic() < deadline, server.log
            time.sleep(0.05)

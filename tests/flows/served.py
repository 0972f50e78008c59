"""A whole installation under test: started as a person starts it, on its own data folder and port."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 240
# What each child's command line contains, and nobody else's.
MARKS = {
    "postgres": "postgres -D",
    "redis": "redis-server",
    "query": "-Q query",
    "bulk": "-Q bulk",
    "web": "retrieval_site.web",
}


@contextmanager
def open_folder() -> Iterator[Path]:
    """A temporary folder that PostgreSQL's own user may pass through.

    Not pytest's: a second test run on this machine would close that one's parent again.
    """
    with tempfile.TemporaryDirectory(prefix="sl-flow-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Served:
    data_dir: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    extra: dict[str, str] = field(default_factory=dict)
    root: Path = ROOT
    """The checkout."""

    @property
    def output(self) -> str:
        return (self.data_dir.parent / "terminal").read_text()

    @property
    def environment(self) -> dict[str, str]:
        without = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DJANGO_SETTINGS_MODULE"}
        kept = {name: value for name, value in os.environ.items() if name not in without}
        return kept | {"DATA_DIR": str(self.data_dir), "PORT": str(self.port), "DEMO": "0"} | self.extra

    def start(self) -> float:
        """Start, wait until it says that it answers, and return how many seconds that took."""
        began = time.monotonic()
        with (self.data_dir.parent / "terminal").open("wb") as terminal:
            command = [sys.executable, "manage.py", "serve"]
            self.process = subprocess.Popen(
                command, cwd=self.root, env=self.environment, stdout=terminal, stderr=subprocess.STDOUT
            )
        while "Sightline answers at" not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() - began < START_SECONDS, self.output
            time.sleep(0.05)
        return time.monotonic() - began

    def stop(self, number: int = signal.SIGINT) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(60)

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a management command in another terminal."""
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
        )

    def children(self) -> dict[str, psutil.Process]:
        assert self.process is not None
        found = {}
        for process in psutil.Process(self.process.pid).children():
            try:
                words = " ".join(process.cmdline())
            except psutil.Error:  # killed a moment ago and not reaped yet
                continue
            found |= {name: process for name, mark in MARKS.items() if mark in words}
        return found

    def everything(self) -> list[psutil.Process]:
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    def get(self, address: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", address)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def ready(self) -> dict[str, Any] | None:
        """What /readyz says when everything answers, else nothing."""
        try:
            status, body = self.get("/readyz")
        except (OSError, http.client.HTTPException):
            return None
        return json.loads(body) if status == 200 else None

    def password(self) -> str | None:
        found = re.search(r"user `admin`, password `([^`]+)`", self.output)
        return found and found[1]


def wait_for(condition: Any, seconds: float = 90) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def gone(processes: list[psutil.Process]) -> bool:
    return all(not process.is_running() or process.status() == psutil.STATUS_ZOMBIE for process in processes)

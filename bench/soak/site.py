"""The installation under test: its processes by name, its disk, its readiness and its memory."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
import time
import urllib.request
from collections import defaultdict
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MARKS = {
    "web": "retrieval_site.web",
    "query": "-Q query",
    "bulk": "-Q bulk",
    "redis": "redis-server",
    "postgres": "postgres -D",
}
"""What each part's command line contains, and nobody else's."""
DISK_BYTES = 4 << 30
MIB = 1024 * 1024
RECOVERY_SECONDS = 120.0


def logs_beside(folder: Path) -> Path:
    """Let the data folder's logs lie in a folder beside it, which a full disk does not touch and which stays."""
    logs = folder.with_name(f"{folder.name}-log")
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(mode=0o755)
    (folder / "log").symlink_to(logs)
    return logs


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Give the data folder a disk of its own while the block runs; yield whether that could be done (by root)."""
    folder.mkdir(parents=True, exist_ok=True)
    words = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=755", "soak", str(folder)]
    mounted = subprocess.run(words, check=False, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


@dataclass
class Site:
    """The server's folder, port and supervisor."""

    folder: Path
    port: int
    supervisor: psutil.Process
    has_disk: bool
    clock: Path | None = None

    def part(self, name: str) -> psutil.Process:
        """Return a part's main process; waits for one that is being started again."""
        until = time.monotonic() + RECOVERY_SECONDS
        while time.monotonic() < until:
            for process in self.supervisor.children():
                with contextlib.suppress(psutil.Error):
                    if MARKS[name] in " ".join(process.cmdline()):
                        return process
            time.sleep(0.1)
        raise SystemExit(f"{name} did not come back within {RECOVERY_SECONDS} s")

    def tree(self, name: str) -> list[psutil.Process]:
        """Return a part's main process and all below it."""
        with contextlib.suppress(psutil.NoSuchProcess):
            main = self.part(name)
            return [main, *main.children(recursive=True)]
        return []

    def below(self, name: str, mark: str) -> list[psutil.Process]:
        """Return the processes below a part whose command line or name holds `mark`, the largest first."""
        found = []
        for process in self.tree(name)[1:]:
            with contextlib.suppress(psutil.Error):
                if mark in " ".join([process.name(), *process.cmdline()]):
                    found.append((process.memory_info().rss, process.pid, process))
        return [process for *_, process in sorted(found, reverse=True)]

    def ready(self) -> bool:
        """Return whether `/readyz` says that everything answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, HTTPException):
            return False

    def wait_ready(self) -> float | None:
        """Return after how many seconds everything answers, None where it does not within two minutes."""
        began = time.monotonic()
        while time.monotonic() - began < RECOVERY_SECONDS:
            if not self.supervisor.is_running() or self.supervisor.status() == psutil.STATUS_ZOMBIE:
                raise SystemExit("the supervisor has stopped everything; see bench-serve.log")
            if self.ready():
                return time.monotonic() - began
            time.sleep(0.2)
        return None

    def used_bytes(self) -> int:
        """Return how much of the disk is used."""
        return psutil.disk_usage(str(self.folder)).used


@dataclass
class Memory:
    """How much memory each part holds (PSS of all its processes), every few seconds, as a context."""

    site: Site
    every_seconds: float = 5.0
    seen: dict[str, list[tuple[float, int]]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def mib(self, name: str, since: float, until: float) -> list[float]:
        """Return what a part held between two moments, in MiB."""
        return [held / MIB for at, held in self.seen[name] if since <= at <= until]

    def _run(self) -> None:
        while not self._end.wait(self.every_seconds):
            for name in MARKS:
                with contextlib.suppress(SystemExit, psutil.Error):
                    self.seen[name].append((time.monotonic(), sum(map(pss, self.site.tree(name)))))


def pss(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error, OSError):
        return int(process.memory_full_info().pss)
    return 0

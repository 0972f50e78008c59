"""One supervisor per data folder, and a clear word for the second."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

from retrieval_site.supervisor.errors import SupervisorError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def hold_lock(file: Path, address: str = "", *, doing: str = "") -> Iterator[None]:
    """Hold the data folder's lock, which the kernel frees however we end; raise `SupervisorError` if it is taken.

    The next who wants it is told the address that is served, or what is being done.
    """
    with file.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SupervisorError(_taken(file)) from None
        lock.truncate(0)
        lock.write(json.dumps({"pid": os.getpid(), "address": address, "doing": doing}))
        lock.flush()
        yield


def _taken(file: Path) -> str:
    try:
        holder = json.loads(file.read_text())
    except ValueError:
        holder = {}
    process = f" (process {holder['pid']})" if "pid" in holder else ""
    if holder.get("doing"):
        return f"{file.parent} is in use: {holder['doing']}{process}. Wait until that is done."
    where = f" at {holder['address']}" if holder.get("address") else ""
    return (
        f"Sightline is already running on {file.parent}{where}{process}. "
        "Stop it there with Ctrl-C, or choose another DATA_DIR and PORT for a second one."
    )


def free_port(host: str) -> int:
    """Return a port that nothing listens on now; raise `SupervisorError` for a host that is not this machine's."""
    with socket.socket(_family(host)) as probe:
        try:
            probe.bind((host, 0))
        except OSError as error:
            raise SupervisorError(f"PROBE_HOST {host} cannot be used ({error.strerror}).") from None
        return int(probe.getsockname()[1])


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def check_port_free(host: str, port: int, name: str = "PORT") -> None:
    """Raise `SupervisorError` if something else listens on the port, which the variable `name` chooses."""
    with socket.socket(_family(host)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            raise SupervisorError(
                f"Port {port} needs root. Choose another: `{name}=8080 make run`."
            ) from None
        except OSError as error:
            raise SupervisorError(
                f"Port {port} on {host} cannot be used ({error.strerror}). "
                f"Choose another: `{name}={port + 1} make run`."
            ) from None

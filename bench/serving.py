"""A Sightline of the benchmarks' own: `manage.py serve` in its own data folder on a free port."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("BENCH_DIR", ROOT / "var" / "bench"))
START_SECONDS = 600
"""Long, since other programs may keep the machine busy."""


@contextlib.contextmanager
def serving(**environment: str) -> Iterator[int]:
    """Start everything, yield the web's port once `/healthz` answers, and stop everything."""
    with supervised(**environment) as (port, _):
        yield port


@contextlib.contextmanager
def supervised(**environment: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Start everything, yield the web's port and the supervisor once `/healthz` answers, and stop everything."""
    port = _free_port()
    env = {
        **os.environ,
        "DATA_DIR": str(DATA_DIR),
        "PORT": str(port),
        "DEMO": "0",
        "THROTTLE": "off",
        **environment,
    }
    DATA_DIR.mkdir(parents=True, exist_ok=True)
    with (DATA_DIR / "bench-serve.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "manage.py", "serve"],
            cwd=ROOT,
            env=env,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            wait_for(port, "/healthz", server)
            yield port, server
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(60)


def wait_for(port: int, path: str, server: subprocess.Popen[bytes] | None = None) -> float:
    """Wait until `path` answers 200; return the seconds that it took."""
    start = time.monotonic()
    while time.monotonic() - start < START_SECONDS:
        if server is not None and server.poll() is not None:
            raise SystemExit(f"the server stopped; see {DATA_DIR / 'bench-serve.log'}")
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5)
            return time.monotonic() - start
        time.sleep(0.1)
    raise SystemExit(f"{path} did not answer within {START_SECONDS} s")


def processes(marker: str) -> list[psutil.Process]:
    """Return the benchmark server's processes whose command line holds `marker`."""
    return [
        process
        for process in psutil.process_iter(["cmdline", "environ"])
        if marker in " ".join(process.info["cmdline"] or [])
        and (process.info["environ"] or {}).get("DATA_DIR") == str(DATA_DIR)
    ]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def attached(data_dir: Path) -> None:
    """Let this process use the models and services of the installation in `data_dir`."""
    os.environ["DATA_DIR"] = str(data_dir)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "retrieval_site.settings")
    from retrieval_site.supervisor.attach import attach_environment

    attach_environment()
    import django

    django.setup()

"""What `serve` was asked for: words of the command line over variables of the environment."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval_site.supervisor.errors import SupervisorError
from retrieval_site.supervisor.lock import free_port
from retrieval_site.yes_no import DAYS_MAX, NO, YES

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class ServeOptions:
    """The wishes of whoever starts the server."""

    host: str = "127.0.0.1"
    port: int = 8000
    demo: bool = True
    reset_admin_password: bool = False
    probe_host: str = "127.0.0.1"
    probe_port: int = 0
    log_keep_days: int = 0

    @property
    def address(self) -> str:
        """Where a browser on this machine finds the server."""
        return f"http://{self.local_host}:{self.port}/"

    @property
    def local_host(self) -> str:
        """A host name that reaches the server from this machine; `localhost` unless one address was asked for."""
        return "localhost" if self.host in {"127.0.0.1", "0.0.0.0", "::", "::1"} else self.host  # noqa: S104

    @property
    def local_probe_host(self) -> str:
        """A host name that reaches the probes from this machine."""
        return "localhost" if self.probe_host in {"0.0.0.0", "::", "::1"} else self.probe_host  # noqa: S104


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `serve`; defaults come from HOST, PORT and DEMO."""
    parser.add_argument(
        "--host", default=os.environ.get("HOST") or "127.0.0.1", help="listen here (HOST; 127.0.0.1)"
    )
    parser.add_argument("--port", default=os.environ.get("PORT") or "8000", help="listen here (PORT; 8000)")
    parser.add_argument(
        "--no-demo", action="store_true", help="do not load the demo at the first start (DEMO=0)"
    )
    parser.add_argument(
        "--reset-admin-password", action="store_true", help="give `admin` a new password and print it"
    )


def read_options(words: Sequence[str]) -> ServeOptions:
    """Return the options from the command line's words; raise `SupervisorError` for what cannot be meant.

    Without PROBE_PORT the probes get a free port: a second installation on the next port must find that free.
    """
    parser = argparse.ArgumentParser(prog="serve")
    add_arguments(parser)
    found = parser.parse_args(words)
    probe_host = os.environ.get("PROBE_HOST") or "127.0.0.1"
    probe_port = _port("PROBE_PORT", os.environ.get("PROBE_PORT") or str(free_port(probe_host)))
    demo = _yes("DEMO", os.environ.get("DEMO") or "1") and not found.no_demo
    return ServeOptions(
        found.host,
        _port("PORT", found.port),
        demo,
        found.reset_admin_password,
        probe_host,
        probe_port,
        _days("LOG_KEEP_DAYS", os.environ.get("LOG_KEEP_DAYS") or "0"),
    )


def _yes(name: str, written: str) -> bool:
    if written.lower() not in YES + NO:
        raise SupervisorError(f"{name} must be 1 or 0, not `{written}`.")
    return written.lower() in YES


def _days(name: str, written: str) -> int:
    if not (written.isdecimal() and int(written) <= DAYS_MAX):
        raise SupervisorError(f"{name} must be a number of days, not `{written}`.")
    return int(written)


def _port(name: str, written: str) -> int:
    if not written.isdigit() or not 0 < int(written) < 65536:
        raise SupervisorError(f"{name} must be a number from 1 to 65535, not `{written}`.")
    return int(written)

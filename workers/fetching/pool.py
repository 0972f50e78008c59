"""`Fetchers`: what the threads of a worker share to have pictures fetched."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workers.fetching import child
from workers.inference.decoding.crew import Crew, CrewTimeoutError
from workers.inference.errors import PictureError
from workers.inference.sandbox.errors import SandboxError, SandboxTimeoutError
from workers.inference.sandbox.process import SandboxSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workers.fetching.fetch import FetchLimits

log = logging.getLogger(__name__)
PROCESSES = 2
DNS_PORT = 53
MEMORY_BYTES = 64 << 20
"""What speaking TLS and unpacking take; the picture comes on top, in a buffer that grows."""
_RESOLVER = Path("/run/systemd/resolve")
"""Where /etc/resolv.conf leads on many systems."""
_GRACE_SECONDS = 1.0


class Fetchers:
    """Sandboxed processes that fetch pictures: what hangs in a name server or a handshake is ended with its process."""

    def __init__(self, limits: FetchLimits) -> None:
        self.limits = limits
        self._crew = Crew(_sandbox(limits), PROCESSES)

    def fetched(self, address: str, within_seconds: float, headers: Mapping[str, str] | None = None) -> bytes:
        """Return the file at an address; raises PictureError as `Fetcher.fetch`, and `image_url.busy`."""
        asked = {"address": address, "headers": dict(headers) if headers else None}
        return self._called("fetch", asked, (), within_seconds)[1]

    def posted(
        self, address: str, body: bytes, headers: Mapping[str, str], within_seconds: float
    ) -> tuple[int, bytes]:
        """Return the status and the beginning of what a body is answered; raises as `Fetcher.post`, and when busy."""
        asked = {"address": address, "headers": dict(headers)}
        head, answer = self._called("post", asked, (body,), within_seconds)
        return head["status"], answer

    def _called(
        self, method: str, asked: dict[str, Any], payload: Sequence[bytes], within_seconds: float
    ) -> tuple[dict[str, Any], bytes]:
        ends = time.monotonic() + within_seconds
        try:
            with self._crew.borrowed(within_seconds) as process:
                seconds = min(self.limits.seconds + _GRACE_SECONDS, max(ends - time.monotonic(), 0.1))
                return process.call(
                    method, asked, payload, reply_bytes=self.limits.max_bytes, timeout_seconds=seconds
                )
        except CrewTimeoutError as error:
            raise PictureError("image_url.busy", retry_after_seconds=round(self.limits.seconds)) from error
        except SandboxTimeoutError as error:
            raise PictureError("image_url.timeout", limit_seconds=self.limits.seconds) from error
        except SandboxError as error:
            log.error("Fetching a picture ended its process: %s", error)
            raise PictureError("image_url.unreachable/process") from error

    def pids(self) -> list[int]:
        """Return the processes that stand."""
        return self._crew.pids()

    def close(self) -> None:
        """End all processes."""
        self._crew.close()


def _sandbox(limits: FetchLimits) -> SandboxSpec:
    certificates = [Path(limits.ca_file).resolve().parent] if limits.ca_file else []
    resolver = [_RESOLVER] if _RESOLVER.is_dir() else []
    return SandboxSpec(
        child.PLACE,
        {"limits": asdict(limits)},
        memory_bytes=MEMORY_BYTES + 3 * limits.max_bytes,
        threads=1,
        readable=(*certificates, *resolver),
        ports=(*limits.ports, DNS_PORT),
    )

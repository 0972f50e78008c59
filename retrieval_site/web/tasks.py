"""Answering one request in a thread: what the application is told of it, and its line in the log."""

from __future__ import annotations

import logging
import re
import time
from io import BytesIO
from typing import TYPE_CHECKING, Any

from waitress.task import WSGITask

from retrieval_site.bodies import PENDING, SMALL_BYTES, PendingBody
from retrieval_site.callers import caller_address
from retrieval_site.log_lines import without_secrets

if TYPE_CHECKING:
    from retrieval_site.web.config import WebConfig

_QUERY = re.compile(r"\?[^ ]*")
ACCESS_LOG = logging.getLogger("sightline.access")
# Headers by which a sender could move addresses or claim a scheme. A proxy's own are told apart below.
_NEVER = frozenset(
    {
        "HTTP_SCRIPT_NAME",
        "HTTP_X_SCRIPT_NAME",
        "HTTP_X_FORWARDED_PREFIX",
        "HTTP_X_FORWARDED_HOST",
        "HTTP_X_FORWARDED_PORT",
        "HTTP_X_FORWARDED_SSL",
        "HTTP_X_FORWARDED_PROTOCOL",
        "HTTP_X_ORIGINAL_URL",
        "HTTP_X_REWRITE_URL",
        "HTTP_X_HTTP_METHOD_OVERRIDE",
        "HTTP_FORWARDED",
        "HTTP_PROXY",
    }
)


def headers_dropped(config: WebConfig) -> frozenset[str]:
    """Return the request headers that the application never sees: nobody who may send them is there."""
    without_proxy = frozenset() if config.trusted_proxies else frozenset({"HTTP_X_FORWARDED_FOR"})
    without_https = frozenset() if config.https else frozenset({"HTTP_X_FORWARDED_PROTO"})
    return _NEVER | without_proxy | without_https


def log_access(
    address: str, first_line: str, answer: tuple[str, int], seconds: float, request_id: str
) -> None:
    """Write an answer's line: who, what, status, bytes, microseconds, request id.

    The address's query is left out, and of some addresses a part: they may hold what is secret.
    """
    address = address.encode("unicode_escape").decode()[:64]
    asked = without_secrets(_QUERY.sub("", first_line)).encode("unicode_escape").decode()
    status, count = answer
    said = {"address": address, "asked": asked, "status": int(status), "bytes": count}
    said["microseconds"] = round(seconds * 1e6)
    ACCESS_LOG.info(
        '%s "%s" %s %d %dus [%s]',
        *(address, asked, status, count, seconds * 1e6, request_id),
        extra={"fields": said, "request_id": request_id},
    )


class RequestTask(WSGITask):
    """A request that is complete, or whose body is left unread."""

    chunked_response: bool

    def service(self) -> None:
        """Answer, then log."""
        began = time.perf_counter()
        try:
            super().service()
        finally:
            self.log(time.perf_counter() - began)

    def log(self, seconds: float) -> None:
        """Write the line."""
        answer = (self.status.partition(" ")[0], self.content_bytes_written)
        ids = [value for name, value in self.response_headers if name.lower() == "x-request-id"]
        first_line = self.request.first_line.decode("latin-1")
        forwarded = self.request.headers.get("X_FORWARDED_FOR", "")
        proxies = self.channel.server.front.config.trusted_proxies
        address = caller_address(self.channel.addr[0], forwarded, proxies)
        log_access(address, first_line, answer, seconds, ids[0] if ids else "-")

    def get_environment(self) -> dict[str, Any]:
        """Return what the application is told."""
        environ: dict[str, Any] = super().get_environment()
        for name in self.channel.server.headers_dropped:
            environ.pop(name, None)
        if self.request.command == "HEAD":
            environ.pop("wsgi.file_wrapper", None)  # it would send the file
        return environ

    def write(self, data: bytes) -> None:
        """Send the head, and for other methods than HEAD the data."""
        if self.request.unread and not self.wrote_header:
            self.set_close_on_finish()
        super().write(b"" if self.request.command == "HEAD" else data)

    def finish(self) -> None:
        """End the answer."""
        if self.request.command == "HEAD":
            self.chunked_response = self.chunked_response and not self.wrote_header
        super().finish()


class AskingTask(RequestTask):
    """A request whose body waits: the application sees the head and grants the body, or its answer is sent."""

    def __init__(self, channel: Any, request: Any) -> None:
        super().__init__(channel, request)
        small = not request.chunked and request.content_length <= SMALL_BYTES
        self.pending = PendingBody(small=small)

    def get_environment(self) -> dict[str, Any]:
        """Return what the application is told: a body of no length, and that one waits."""
        environ = super().get_environment()
        environ |= {PENDING: self.pending, "wsgi.input": BytesIO(), "CONTENT_LENGTH": "0"}
        return environ

    def write(self, data: bytes) -> None:
        """Send nothing of a granting."""
        if not self.pending.granted:
            self.request.unread = True
            super().write(data)

    def finish(self) -> None:
        """Let the body be read, or end the answer."""
        self.request.asking, self.request.granted = False, self.pending.granted
        if not self.pending.granted:
            super().finish()

    def log(self, seconds: float) -> None:
        """Write a line for a refusal; the granted request writes its own."""
        if not self.pending.granted:
            super().log(seconds)

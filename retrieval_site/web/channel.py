"""One connection. Its loop side reads requests and sends answers and never waits; a thread only answers."""

from __future__ import annotations

import ipaddress
import json
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from waitress.channel import HTTPChannel
from waitress.utilities import build_http_date

from retrieval_site.errors import AppError
from retrieval_site.web.pace import Pace
from retrieval_site.web.parser import RequestParser, error_of
from retrieval_site.web.tasks import AskingTask, RequestTask, log_access

if TYPE_CHECKING:
    from waitress.task import WSGITask

    from retrieval_site.web.server import Server

LINGER_SECONDS = 5.0
LINGER_BYTES = 16 << 20
"""How much a refused sender may still send, to be dropped: the answer reaches it before the reset."""
_REASONS = {
    400: "Bad Request",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


def place_of(address: str) -> str:
    """Return whose connections count together: an IPv4 address, or the /64 network that one IPv6 customer has."""
    with suppress(ValueError):
        found = ipaddress.ip_address(address.partition("%")[0])
        if found.version == 6:
            return str(ipaddress.ip_network((int(found), 64), strict=False))
    return address


def refusal_bytes(error: AppError) -> bytes:
    """Return a whole answer for a request that never became one."""
    body = json.dumps(error.as_json()).encode()
    head = (
        f"HTTP/1.1 {error.status} {_REASONS[error.status]}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
        f"Date: {build_http_date(time.time())}",
    )
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


class Channel(HTTPChannel):
    """waitress's connection, which asks before it reads a body, reads one request at a time and keeps time limits."""

    parser_class = RequestParser
    server: Server
    request: RequestParser | None
    _close_when_flushed = False
    _lingers = False
    _lingering_since = 0.0
    _dropped_bytes = 0

    def __init__(self, *args: Any, **options: Any) -> None:
        self._waiting = b""
        self.idle_since = time.monotonic()
        super().__init__(*args, **options)
        self.front = self.server.front
        self.place = place_of(self.addr[0])
        config = self.front.config
        self._reading = Pace(config.answer_timeout_seconds, config.min_bytes_per_second)

    def task_class(self, channel: Channel, request: RequestParser) -> WSGITask:
        """Return who answers."""
        return AskingTask(channel, request) if request.asking else RequestTask(channel, request)

    # Closing. An answer to somebody who is still sending would be lost in the reset that unread bytes cause.

    @property
    def close_when_flushed(self) -> bool:
        """Whether the connection ends as soon as the answer is out."""
        return self._close_when_flushed

    @close_when_flushed.setter
    def close_when_flushed(self, wanted: bool) -> None:
        self._lingers = self._lingers or (wanted and self._has_unread())
        self._close_when_flushed = wanted and not self._lingers

    def _has_unread(self) -> bool:
        return any(request.unread for request in self.requests)

    def writable(self) -> bool:
        """Return whether there is something to send or to end."""
        return bool(super().writable()) or (self._lingers and not self._lingering_since)

    def readable(self) -> bool:
        """Return whether bytes are wanted; a thread's work on a request and an answer that waits stop that."""
        if self._lingers:
            return bool(self._lingering_since)
        return bool(super().readable())

    def handle_write(self) -> None:
        """Send what can be sent; after a refusal, end our half and listen on."""
        super().handle_write()
        if self._lingers and not self._lingering_since and self.connected and not self.total_outbufs_len:
            self._lingering_since = time.monotonic()
            self.socket.shutdown(socket.SHUT_WR)

    def handle_read(self) -> None:
        """Take what has arrived; a refused sender's bytes are dropped."""
        if self._lingering_since:
            self._dropped_bytes += len(self.recv(self.adj.recv_bytes))  # closes at the end
            if self._dropped_bytes > LINGER_BYTES:
                self.handle_close()
        else:
            super().handle_read()

    def handle_close(self) -> None:
        """End the connection and let everything go that it held."""
        request, self.request = self.request, None
        if request is not None and request not in self.requests:
            request.close()
        super().handle_close()

    # Reading.

    def received(self, data: bytes) -> bool:
        """Parse the next request; what follows it waits until it is answered."""
        with self.requests_lock:
            if self.will_close or self.close_when_flushed or self._lingers:
                return False
            data = self._waiting + data
            while data and not self.requests and not self._lingers:
                request = self.request = self.request or RequestParser(self.adj, self.front)
                data = data[request.received(data) :]
                self._go_on(request)
            self._waiting = data
        return True

    def resume(self) -> None:
        """Parse what came behind the request that was just answered, or asked about."""
        if self.request is not None:
            self.request.pace.begin()
        if self._waiting and not self.requests and self.connected:
            self.received(b"")

    def _go_on(self, request: RequestParser) -> None:
        if request.completed:
            self.request = None
            self.sent_continue = False
            if request.error:
                self.refuse(error_of(request), request)
            elif not request.empty:
                self._queue(request)
        elif request.ask_first:
            request.ask_first, request.asking = False, True
            self._queue(request)
        elif request.expect_continue and request.headers_finished and not self.sent_continue:
            self.send_continue()

    def _queue(self, request: RequestParser) -> None:
        self.requests.append(request)
        self.server.add_task(self)

    def refuse(self, error: AppError, request: RequestParser | None) -> None:
        """Answer without the application, and end the connection."""
        data = refusal_bytes(error)
        self._lingers = True
        self._reading.begin()
        with self.outbuf_lock:
            self.outbufs[-1].append(data)
            self.current_outbuf_count += len(data)
            self.total_outbufs_len += len(data)
            self._flush_exception(self._flush_some)
        if request is not None:
            request.close()
        first_line = getattr(request, "first_line", b"").decode("latin-1")
        log_access(self.addr[0], first_line, (str(error.status), len(data)), 0.0, error.id)

    # In a thread.

    def service(self) -> None:
        """Answer the request, then let the loop go on."""
        large = self.requests[0].large
        try:
            super().service()
        finally:
            if large:
                self.server.large_done()
            self.server.progress.note()
            self.idle_since = time.monotonic()
        if self.connected and (self._waiting or self.request is not None):
            self.server.trigger.pull_trigger(self.resume)

    def write_soon(self, data: Any) -> int:
        """Hand bytes of an answer to the loop; waits only where very many of them wait already."""
        if not self.total_outbufs_len:
            self._reading.begin()
        return int(super().write_soon(data))

    # Time limits.

    def send(self, data: bytes, do_close: bool = True) -> int:  # noqa: FBT001, FBT002  (waitress's signature)
        """Send bytes and count them."""
        sent: int = super().send(data, do_close)
        self._reading.note(sent or 0)
        return sent

    def overdue(self, now: float) -> bool:
        """Return whether the other side has had its time; `look_after` then ends it."""
        if self._lingering_since:
            return now - self._lingering_since > LINGER_SECONDS
        if self.total_outbufs_len:
            return self._reading.overdue(now)
        if self.requests:
            return False
        return self._sender_overdue(now)

    def _sender_overdue(self, now: float) -> bool:
        config, request = self.front.config, self.request
        if request is None:
            return now - self.idle_since > config.keepalive_seconds
        if not request.headers_finished:
            return now - request.began_at > config.header_timeout_seconds
        return request.pace.overdue(now)

    def end_overdue(self) -> None:
        """End the connection; a sender of half a request is told why."""
        if self.request is not None and not self.total_outbufs_len and not self._lingers:
            error = AppError("request.timeout")
            with self.requests_lock:
                request, self.request = self.request, None
                self.refuse(error, request)
        else:
            self.handle_close()

    @property
    def rank(self) -> tuple[int, float] | None:
        """In which order connections make room for new ones; None while a thread works on its request."""
        if self.requests:
            return None
        if self._lingers:
            return 0, self.idle_since
        if self.total_outbufs_len:
            return 3, self._reading.began_at
        return (1, self.idle_since) if self.request is None else (2, self.request.began_at)

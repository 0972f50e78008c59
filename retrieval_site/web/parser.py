"""One request as it arrives: its head is checked, then its body is refused, asked about, or taken up to its limit."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from waitress.parser import HTTPRequestParser, ParsingError

from retrieval_site.errors import AppError
from retrieval_site.outages import outage_of
from retrieval_site.web.chunks import ChunkedBody
from retrieval_site.web.pace import Pace
from retrieval_site.web.strict import check_head, check_path, check_target

if TYPE_CHECKING:
    from collections.abc import Callable

    from waitress.adjustments import Adjustments

    from retrieval_site.bodies import BodyRule
    from retrieval_site.web.config import WebConfig
    from retrieval_site.web.spool import Spool


SPILL_BYTES = 16 * 1024
"""From here on a body goes to the disk, where enough others are in memory already."""
LARGE_BYTES = 4 << 20


@dataclass(frozen=True)
class Front:
    """What all connections share: limits, the room for bodies, and who knows each address's rule."""

    config: WebConfig
    spool: Spool
    rule_of_path: Callable[[str], BodyRule]


class RequestParser(HTTPRequestParser):
    """waitress's parser, strict about heads and careful with bodies.

    `ask_first`: who sends it decides whether the body is read, so the application is asked with the head alone.
    `unread`: the body is not read any further; the application is told its length and refuses it.
    """

    body_rcv: Any = None
    ask_first = False
    asking = False
    unread = False
    granted = False
    _asked = False
    _held_bytes = 0
    _in_memory = False

    def __init__(self, adj: Adjustments, front: Front | None = None) -> None:
        super().__init__(adj)
        self._front = front
        self.max_bytes = 0
        self.began_at = time.monotonic()
        self.pace = Pace(0, 0)

    def parse_header(self, header_plus: bytes) -> None:
        """Parse the head, strictly; raises ParsingError."""
        try:
            check_head(header_plus)
            super().parse_header(header_plus)
            check_target(self.version, self.request_uri, self.headers.get("HOST"))
            check_path(self.path)
        except ValueError as error:  # ours, and what urlsplit and int say of nonsense
            raise ParsingError(str(error)) from error
        if self.body_rcv is not None and self._front is not None:
            self._plan_body(self._front)

    def _plan_body(self, front: Front) -> None:
        rule = front.rule_of_path(self.django_path)
        self.max_bytes = rule.max_bytes(self.headers.get("CONTENT_TYPE", ""))
        self.ask_first = self._asked = rule.asks
        self.pace = Pace(front.config.body_timeout_seconds, front.config.min_bytes_per_second)
        if front.spool.take_memory():
            self._in_memory = True
        else:
            self.body_rcv.getbuf().overflow = SPILL_BYTES
        if self.chunked:
            self.body_rcv = ChunkedBody(self.body_rcv.getbuf())
        elif self.content_length > self.max_bytes:
            self._leave_unread(self.content_length)

    @property
    def large(self) -> bool:
        """Whether answering this takes much memory or long."""
        return self._held_bytes > LARGE_BYTES

    @property
    def django_path(self) -> str:
        """The path as the application will see it."""
        return "/" + str(self.path).lstrip("/").encode("latin-1").decode("utf-8", "replace")

    def received(self, data: bytes) -> int:
        """Take bytes of this request; return how many were its own."""
        try:
            consumed: int = super().received(data)
        except OSError as error:
            return self._not_kept(data, error)
        if self.body_rcv is not None and self.error is None:
            self._count_body()
        return consumed

    def _not_kept(self, data: bytes, error: OSError) -> int:
        """Refuse a body that there is no room for on the disk."""
        outage = outage_of(error)
        if outage is None:
            raise error
        self.error = outage
        self.completed = True
        return len(data)

    def _count_body(self) -> None:
        arrived = len(self.body_rcv)
        if self._front is None or arrived == self._held_bytes:
            return
        if not self._front.spool.take(arrived - self._held_bytes, asked=self._asked):
            self.error = AppError("upload.no_room")
            self.completed = True
            return
        self.pace.note(arrived - self._held_bytes)
        self._held_bytes = arrived
        if arrived > self.max_bytes:
            self._leave_unread(arrived)
            self.completed = True

    def _leave_unread(self, length: int) -> None:
        self.close()
        self.body_rcv = None
        self.ask_first = False
        self.unread = True
        self.headers["CONTENT_LENGTH"] = str(length)

    def close(self) -> None:
        """Let the body's bytes go; the first call after a grant is the end of the asking, not of the request."""
        if self.granted:
            self.granted = False
            return
        super().close()
        if self._front is not None and self._held_bytes:
            self._front.spool.give_back(self._held_bytes, asked=self._asked)
        if self._front is not None and self._in_memory:
            self._front.spool.give_back_memory()
        self._held_bytes, self._in_memory = 0, False


def error_of(request: Any) -> AppError:
    """Return what is wrong with a request that could not be read, in the shape of our own errors."""
    error = request.error
    if isinstance(error, AppError):
        return error
    if error.code == 431:
        return AppError("request.headers_too_large")
    return AppError("request.malformed/http", reason=error.body)

"""Bodies in chunks (RFC 9112, 7.1): read in one pass, with an end to every line and to what the framing may cost."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from waitress.utilities import BadRequest

if TYPE_CHECKING:
    from waitress.buffers import OverflowableBuffer

LINE_MAX_BYTES = 1024
TRAILER_MAX_BYTES = 8192
FRAMING_FREE_BYTES = 64 * 1024
"""Beyond these, sizes and line ends may not be longer than the content: chunks of a byte cost nothing but time."""
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[\t\x20-\x7e]*)?")


class ChunkedBody:
    """Collects the content; `completed` at its end, `error` for what is no chunk. A receiver of waitress's parser."""

    def __init__(self, buffer: OverflowableBuffer) -> None:
        self.completed = False
        self.error: BadRequest | None = None
        self._buffer = buffer
        self._line = b""  # a line that has begun
        self._left = 0  # of a chunk's content
        self._expected = "size"
        self._content_bytes = self._framing_bytes = self._trailer_bytes = 0

    def __len__(self) -> int:
        return self._content_bytes

    def getbuf(self) -> OverflowableBuffer:
        """Return where the content is."""
        return self._buffer

    def getfile(self) -> Any:
        """Return the content as a file."""
        return self._buffer.getfile()

    def received(self, data: bytes) -> int:
        """Take bytes; return how many belonged to this body."""
        at, pieces = 0, []
        while at < len(data) and not self.completed and self.error is None:
            if self._left:
                piece = data[at : at + self._left]
                pieces.append(piece)
                self._left -= len(piece)
                at += len(piece)
            else:
                at = self._take_line(data, at)
        if pieces:
            content = b"".join(pieces)
            self._buffer.append(content)
            self._content_bytes += len(content)
        self._check_framing()
        return at

    def _take_line(self, data: bytes, at: int) -> int:
        end = data.find(b"\n", at)
        after = len(data) if end < 0 else end + 1
        self._framing_bytes += after - at
        self._line += data[at:after]
        if len(self._line) > LINE_MAX_BYTES:
            self._fail("A line between chunks does not end.")
        elif end >= 0:
            line, self._line = self._line, b""
            if line.endswith(b"\r\n"):
                self._use(line[:-2])
            else:
                self._fail("A line between chunks ends without a carriage return.")
        return after

    def _use(self, line: bytes) -> None:
        if self._expected == "size":
            self._begin_chunk(line)
        elif self._expected == "end":
            self._expected = "size"
            if line:
                self._fail("A chunk is longer than its size.")
        else:
            self._trailer_bytes += len(line)
            self.completed = not line
            if self._trailer_bytes > TRAILER_MAX_BYTES:
                self._fail("The trailer does not end.")

    def _begin_chunk(self, line: bytes) -> None:
        size = _SIZE.fullmatch(line)
        if size is None:
            self._fail("A chunk's size is no number.")
            return
        self._left = int(size[1], 16)
        self._expected = "end" if self._left else "trailer"

    def _check_framing(self) -> None:
        if self._framing_bytes > FRAMING_FREE_BYTES + self._content_bytes:
            self._fail("The chunks are too small.")

    def _fail(self, reason: str) -> None:
        self.error = self.error or BadRequest(reason)

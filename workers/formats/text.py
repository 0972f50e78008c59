"""Text files in any Unicode encoding and with any line ends, as UTF-8 with LF."""

from __future__ import annotations

import codecs
import io
import re
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from typing import Any

CHUNK_BYTES = 64 * 1024
_SAMPLE_BYTES = 64
_MARKS = re.compile(rb"\A(?:\xef\xbb\xbf)++")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def encoding_of(head: bytes) -> tuple[str, int]:
    """Return a text's encoding by its first bytes, and how many bytes its byte order mark has.

    UTF-16 without a mark shows by its first characters, which are ASCII in every format that is read here.
    """
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding, len(mark)
    sample = head[:_SAMPLE_BYTES]
    low, high = sample[0::2], sample[1::2]
    if len(sample) >= 4 and not any(high[: len(low)]) and all(low):
        return "utf-16-le", 0
    if len(sample) >= 4 and not any(low) and all(high):
        return "utf-16-be", 0
    return "utf-8", 0


def utf8_text(file: BinaryIO) -> BinaryIO:
    """Return the text of a file, from where it stands, as UTF-8 without byte order mark and with LF as line end.

    What is wrong in UTF-8 comes through as it is; what is wrong in UTF-16 or UTF-32 becomes bytes that are no UTF-8, so
    that readers name its line.
    """
    return cast("BinaryIO", io.BufferedReader(_Utf8Text(file), CHUNK_BYTES))


class _Utf8Text(io.RawIOBase):
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._ready = b""
        self._ended = False
        self._after_cr = False
        head = file.read(CHUNK_BYTES)
        encoding, mark = encoding_of(head)
        self._decoder = (
            None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)("surrogatepass")
        )
        self._take(head[mark:], final=not head)
        self._ready = _MARKS.sub(
            b"", self._ready, count=1
        )  # programs that join files leave marks of their own

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready and not self._ended:
            chunk = self._file.read(CHUNK_BYTES)
            self._take(chunk, final=not chunk)
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _take(self, chunk: bytes, *, final: bool) -> None:
        self._ended = final
        data = self._with_line_feeds(self._utf8(chunk, final=final))
        self._ready += data

    def _utf8(self, chunk: bytes, *, final: bool) -> bytes:
        if self._decoder is None:
            return chunk
        try:
            return self._decoder.decode(chunk, final).encode(errors="surrogatepass")
        except UnicodeDecodeError:
            self._decoder.reset()
            return b"\xff"

    def _with_line_feeds(self, data: bytes) -> bytes:
        """Turn CR LF and CR into LF, also where a chunk ends between the two."""
        if self._after_cr and data.startswith(b"\n"):
            data, self._after_cr = data[1:], False
        if data:
            self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

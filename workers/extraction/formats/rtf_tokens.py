"""The tokens of RTF: braces, control words, single bytes, text and raw data, in time proportional to the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(
    rb"\\(?P<word>[A-Za-z]{1,32})(?P<number>-?\d{1,10})? ?|\\'(?P<hex>[0-9A-Fa-f]{2})|\\(?P<sign>.)|(?P<brace>[{}])"
    rb"|(?P<text>[^\\{}\r\n]+)|[\r\n]+|\\",
    re.DOTALL,
)


class RtfToken(NamedTuple):
    """A token: a control `word` with its number, a control `sign`, a brace, or the bytes of a text."""

    kind: Literal["open", "close", "word", "sign", "text", "raw"]
    word: str = ""
    number: int | None = None
    data: bytes = b""


OPEN, CLOSE = RtfToken("open"), RtfToken("close")


def tokens(data: bytes) -> Iterator[RtfToken]:
    """Yield the tokens of a file. A byte in hexadecimal (`'e4`) is a text of one byte, whose word is the sign."""
    at = 0
    while found := _TOKEN.match(data, at):
        at = found.end()
        if found["word"] == b"bin":
            length = max(int(found["number"] or 0), 0)
            yield RtfToken("raw", data=data[at : at + length])
            at += length
        elif found.lastgroup is not None:
            yield _token(found)


def _token(found: re.Match[bytes]) -> RtfToken:
    if text := found["text"]:
        return RtfToken("text", data=text)
    if word := found["word"]:
        return RtfToken("word", word.decode(), int(found["number"]) if found["number"] else None)
    if brace := found["brace"]:
        return OPEN if brace == b"{" else CLOSE
    if digits := found["hex"]:
        return RtfToken("text", "'", data=bytes.fromhex(digits.decode()))
    return RtfToken("sign", found["sign"].decode("latin-1"))

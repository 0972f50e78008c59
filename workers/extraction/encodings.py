"""Text in any encoding: by its mark, as UTF-8, else as what its bytes look like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from charset_normalizer import from_bytes

from workers.formats.text import encoding_of

if TYPE_CHECKING:
    from pathlib import Path

    from workers.extraction.output import Output

_LOOKED_AT_BYTES = 200_000
_LAST_RESORT = "cp1252"


def decoded(data: bytes) -> str:
    """Return a text with LF as line end; bytes that its encoding does not know become U+FFFD."""
    encoding, mark = encoding_of(data)
    text = _decoded(data[mark:], encoding)
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def text_of(file: Path, out: Output) -> str:
    """Return the text of a whole file, counted against the limits."""
    out.count_characters(file.stat().st_size // 4)  # no encoding has more bytes a character
    text = decoded(file.read_bytes())
    out.count_characters(len(text))
    return text


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        if encoding != "utf-8":
            return data.decode(encoding, errors="replace")
    found = from_bytes(data[:_LOOKED_AT_BYTES]).best()
    return data.decode(found.encoding if found else _LAST_RESORT, errors="replace")

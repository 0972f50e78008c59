"""Text in any encoding: by its mark, as UTF-8, as it is said to be, else as what its bytes look like."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from charset_normalizer import from_bytes

from workers.formats.text import encoding_of

if TYPE_CHECKING:
    from pathlib import Path

    from workers.extraction.output import Output

_LOOKED_AT_BYTES = 200_000
_LAST_RESORT = "cp1252"
_ALSO_CALLED = {"iso8859-1": "cp1252", "ascii": "cp1252", "gb2312": "gb18030", "gbk": "gb18030"}
"""What browsers take these names for: the wider encoding, by which such texts are really written."""
_NO_ENCODINGS = frozenset(
    {"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "utf-7", "mbcs", "oem"}
)
"""Python's codecs that nobody writes texts in, and that are slow on hostile ones."""
LETTERS_TO_DAMAGES = 10
"""Letters beyond ASCII for each damaged one: a text in another encoding has hardly any that are right by chance."""
_ONLY_ASCII = ("iso2022", "hz")


def decoded(data: bytes, declared: str = "") -> str:
    """Return a text with LF as line end; bytes that its encoding does not know become U+FFFD.

    `declared`: the encoding that the text is said to have. Its mark and valid UTF-8 are believed rather.
    """
    encoding, mark = encoding_of(data)
    text = _decoded(data[mark:], encoding, _known(declared))
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def text_of(file: Path, out: Output) -> str:
    """Return the text of a whole file, counted against the limits."""
    out.count_characters(file.stat().st_size // 4)  # no encoding has more bytes a character
    text = decoded(file.read_bytes())
    out.count_characters(len(text))
    return text


def _known(declared: str) -> str:
    """Return Python's name of an encoding; empty for what is none."""
    try:
        name = codecs.lookup(declared.strip().strip("'\"")[:40]).name
    except (LookupError, ValueError):
        return ""
    return "" if name in _NO_ENCODINGS else _ALSO_CALLED.get(name, name)


def _decoded(data: bytes, encoding: str, declared: str) -> str:
    if declared.startswith(_ONLY_ASCII):
        return data.decode(declared, errors="replace")
    for name in filter(None, (encoding, declared)):
        try:
            return data.decode(name)
        except (UnicodeDecodeError, LookupError):  # LookupError: a codec of Python's that is none of texts
            continue
    if encoding != "utf-8":
        return data.decode(encoding, errors="replace")
    for name in filter(None, ("utf-8", declared)):
        if (text := _nearly(data, name)) is not None:
            return text
    found = from_bytes(data[:_LOOKED_AT_BYTES]).best()
    return data.decode(found.encoding if found else _LAST_RESORT, errors="replace")


def _nearly(data: bytes, encoding: str) -> str | None:
    """Return a text of which only a few characters are damaged; None where so few others speak for the encoding."""
    try:
        text = data.decode(encoding, errors="replace")
    except LookupError:
        return None
    damaged = text.count("\ufffd")
    letters = sum(not letter.isascii() for letter in text) - damaged
    return text if letters >= LETTERS_TO_DAMAGES * damaged else None

"""Lines of a text file: numbered, UTF-8 or refused by number, and never longer than memory should hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from workers.formats.problems import Problem, problem
from workers.formats.text import utf8_text

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE_BYTES_MAX = 16 * 1024 * 1024


def numbered_lines(file: BinaryIO, encoding: str = "") -> Iterator[tuple[int, str | Problem]]:
    """Yield (number from 1, line without its end), or the number and what is wrong with that line.

    Lines may end with LF, CR LF or CR; the text may be UTF-8, UTF-16 or UTF-32, with or without byte order mark.
    `encoding`: a code page in which a line is read that is no UTF-8; without one it is refused.
    """
    text, number = utf8_text(file), 0
    while raw := text.readline(LINE_BYTES_MAX + 1):
        number += 1
        if len(raw) > LINE_BYTES_MAX:
            _skip_rest(text, raw)
            limit = LINE_BYTES_MAX // 1024 // 1024
            yield number, problem("import.line_too_long", limit=limit)
        else:
            yield number, _decoded(raw, encoding)


def _skip_rest(file: BinaryIO, raw: bytes) -> None:
    while raw and not raw.endswith(b"\n"):
        raw = file.readline(LINE_BYTES_MAX)


def _decoded(raw: bytes, encoding: str) -> str | Problem:
    try:
        return raw.decode().removesuffix("\n")
    except UnicodeDecodeError as error:
        if encoding:
            return raw.decode(encoding, errors="replace").removesuffix("\n")
        return problem("import.not_utf8", byte=error.start + 1, value=raw[error.start])

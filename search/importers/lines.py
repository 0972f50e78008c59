"""Lines of a text file: numbered, UTF-8 or refused by number, and never longer than memory should hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from retrieval_site.errors import AppError
from search.importers.types import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE_BYTES_MAX = 16 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def numbered_lines(file: BinaryIO) -> Iterator[tuple[int, str | Problem]]:
    """Yield (number from 1, line without its end), or the number and what is wrong with that line.

    A byte order mark at the start is skipped. Raises AppError `import.not_utf8` for a file in UTF-16.
    """
    number = 0
    while raw := file.readline(LINE_BYTES_MAX + 1):
        number += 1
        if number == 1:
            raw = _without_mark(raw)
        if len(raw) > LINE_BYTES_MAX:
            _skip_rest(file, raw)
            limit = LINE_BYTES_MAX // 1024 // 1024
            yield number, Problem("import.line_too_long", f"The line is longer than {limit} MB.")
        else:
            yield number, _decoded(raw)


def _without_mark(raw: bytes) -> bytes:
    if raw.startswith(_UTF16):
        message = "Line 1: the file is in UTF-16. Save it as UTF-8."
        raise AppError("import.not_utf8", message, detail={"line": 1})
    return raw.removeprefix(_BOM)


def _skip_rest(file: BinaryIO, raw: bytes) -> None:
    while raw and not raw.endswith(b"\n"):
        raw = file.readline(LINE_BYTES_MAX)


def _decoded(raw: bytes) -> str | Problem:
    try:
        return raw.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        reason = (
            f"Byte {error.start + 1} of the line (0x{raw[error.start]:02x}) is not UTF-8. "
            "The file is perhaps in Latin-1 or Windows-1252; save it as UTF-8."
        )
        return Problem("import.not_utf8", reason)

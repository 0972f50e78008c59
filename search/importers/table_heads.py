"""The beginning of a text that may be a table: whether a mapping is for it. Small enough for the web process."""

from __future__ import annotations

import io
import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from charset_normalizer import from_bytes

from search.importers.mapping import NAMES_WITHIN, plain_name
from workers.formats.rows import DELIMITERS, read_rows
from workers.formats.text import encoding_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from search.importers.mapping import KeptMappings, TableMapping
    from workers.formats.rows import Row

FIRST_BYTES = 256 * 1024
"""Of a text: where the names of its columns are."""
WESTERN = "cp1252"
_FEW_HIGH_BYTES = 0.12
"""Of all letters: Western texts have fewer umlauts and accents, and no statistics of so few tells one code page."""


def head_of(file: BinaryIO) -> bytes:
    """Return the first bytes of a text, and leave the file at its start."""
    file.seek(0)
    head = file.read(FIRST_BYTES)
    file.seek(0)
    return head


def encoding_in(head: bytes) -> str:
    """Return the code page of the lines in a text that are not UTF-8, by its first bytes."""
    if encoding_of(head)[0] != "utf-8" or _is_utf8(head):
        return WESTERN
    high = sum(byte > 0x7F for byte in head)
    letters = sum(byte > 0x40 for byte in head)
    if high < _FEW_HIGH_BYTES * max(letters, 1):
        return WESTERN
    found = from_bytes(head).best()
    return found.encoding if found and not found.encoding.startswith(("utf", "ascii")) else WESTERN


def _is_utf8(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4  # a character that the end of the part cuts
    return True


def mapped_rows(file: BinaryIO, mapping: TableMapping, encoding: str) -> Iterator[Row]:
    """Yield the rows of a text by what a mapping says of it; `encoding` where it does not say one."""
    wanted = {plain_name(one.column) for one in mapping.columns}

    def known(names: list[str]) -> int:
        return sum(plain_name(name) in wanted for name in names)

    return read_rows(file, known, delimiter=mapping.delimiter, encoding=mapping.encoding or encoding)


def mapping_of_text(file: BinaryIO, kept: KeptMappings, *, alone: bool = True) -> TableMapping | None:
    """Return the mapping of a text that is a table; None where there is none. Leaves the file at its start.

    A file that came `alone` is the one that a given mapping is for; among others it must have the columns.
    """
    said = kept.said
    if said is not None:
        return said if alone or said.is_covered_by(_first_rows(head_of(file), said)) else None
    head = head_of(file) if kept.kept else b""
    found = (_for_text(head, one) for one in kept.kept)
    return next(filter(None, found), None)


def _for_text(head: bytes, mapping: TableMapping) -> TableMapping | None:
    """Return a kept mapping for a text that begins so, whatever stands between its cells; None for other columns."""
    for sign in dict.fromkeys((mapping.delimiter, *DELIMITERS)):
        written = replace(mapping, delimiter=sign)
        if (found := written.of_table(_first_rows(head, written))) is not None:
            return found
    return None


def _first_rows(head: bytes, mapping: TableMapping) -> list[Row]:
    rows = mapped_rows(io.BytesIO(head), mapping, encoding_in(head))
    return list(itertools.islice(rows, max(mapping.header, NAMES_WITHIN)))

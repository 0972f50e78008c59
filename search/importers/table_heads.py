"""The beginning of a text that may be a table: whether a mapping is for it. Small enough for the web process."""

from __future__ import annotations

import io
import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from search.importers.mapping import NAMES_WITHIN, plain_name
from workers.formats.rows import DELIMITERS, read_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from search.importers.mapping import KeptMappings, TableMapping
    from workers.formats.rows import Row

FIRST_BYTES = 256 * 1024
"""Of a text: where the names of its columns are."""
WESTERN = "cp1252"


def head_of(file: BinaryIO) -> bytes:
    """Return the first bytes of a text, and leave the file at its start."""
    file.seek(0)
    head = file.read(FIRST_BYTES)
    file.seek(0)
    return head


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
    return list(
        itertools.islice(mapped_rows(io.BytesIO(head), mapping, WESTERN), max(mapping.header, NAMES_WITHIN))
    )

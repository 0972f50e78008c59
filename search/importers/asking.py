"""Whether a file that came alone is a table of which somebody has to say which column is what."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, cast

from search.importers.detecting import may_be_csv, text_head
from search.importers.foreign import is_text
from search.importers.tables import known_columns, names_its_documents
from workers.extraction.kinds import kind_of
from workers.extraction.sheets import WORKBOOKS
from workers.formats.rows import read_rows

if TYPE_CHECKING:
    from django.core.files.base import File

TEXT_SUFFIXES = (".csv", ".tsv", ".tab")


def asks_for_columns(upload: File[bytes]) -> bool:
    """Tell a workbook, and a text with columns that are no fields of a document; leaves the file at its start."""
    file, name = cast("BinaryIO", upload), upload.name or ""
    if kind_of(file, name) in WORKBOOKS:
        return True
    return name.lower().endswith(TEXT_SUFFIXES) and is_text(file) and _is_foreign(text_head(file))


def _is_foreign(text: bytes) -> bool:
    header = next(read_rows(io.BytesIO(text), known_columns), None) if may_be_csv(text.lstrip()) else None
    if header is None:
        return False
    named = [cell for cell in header.cells if cell.strip()]
    return bool(header.problem) or not names_its_documents(named) or known_columns(named) < len(named)

"""RTF: paragraphs, headings, rows of tables, footnotes and pictures, in the order of the text."""

from __future__ import annotations

import locale
from typing import TYPE_CHECKING

from workers.extraction.draft import Draft
from workers.extraction.formats.ooxml import listed, own_title
from workers.extraction.formats.rtf_reader import RtfReader
from workers.extraction.types import Extracted

if TYPE_CHECKING:
    from pathlib import Path

    from workers.extraction.output import Output


def read(file: Path, out: Output) -> Extracted:
    """Return what the document holds, without headers, footers and comments. It has no pages.

    Raises FileError `file.too_much`.
    """
    reader = RtfReader(Draft(out))
    reader.read(file.read_bytes())
    said = reader.said
    return reader.flow.draft.finished(
        Extracted(
            title=own_title(said.get("title", "")),
            authors=listed(said.get("author", ""), ";"),
            created=_moment(reader.created),
            language=locale.windows_locale.get(reader.language, "").replace("_", "-"),
            keywords=listed(said.get("keywords", ""), ",;"),
            metadata={name: text for name in ("subject",) if (text := said.get(name, ""))},
        )
    )


def _moment(parts: dict[str, int]) -> str:
    """Return an ISO 8601 time of the parts of a date."""
    year, month, day_ = parts.get("yr", 0), parts.get("mo", 0), parts.get("dy", 0)
    if not (0 < year < 10_000 and 0 < month <= 12 and 0 < day_ <= 31):
        return ""
    return (
        f"{year:04d}-{month:02d}-{day_:02d}T{parts.get('hr', 0) % 24:02d}:{parts.get('min', 0) % 60:02d}:00"
    )

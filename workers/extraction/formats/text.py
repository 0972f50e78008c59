"""Plain text in any encoding: paragraphs between empty lines, pages between form feeds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from workers.extraction.encodings import text_of
from workers.extraction.types import Block, Extracted

if TYPE_CHECKING:
    from pathlib import Path

    from workers.extraction.output import Output

_BETWEEN = re.compile(r"\n[^\S\n]*+\n\s*+|\f")


def read(file: Path, out: Output) -> Extracted:
    """Return the text's paragraphs. It has no title: its name will do."""
    return Extracted(blocks=tuple(Block("text", part) for part in paragraphs(text_of(file, out))))


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a plain text."""
    return [part.strip() for part in _BETWEEN.split(text)]

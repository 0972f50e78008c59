"""Names of OpenDocument's elements, sorted by what is done with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.etree import _Element

_NAMES = "{urn:oasis:names:tc:opendocument:xmlns:"
OFFICE, TEXT, TABLE = f"{_NAMES}office:1.0}}", f"{_NAMES}text:1.0}}", f"{_NAMES}table:1.0}}"
DRAW, STYLE, META = f"{_NAMES}drawing:1.0}}", f"{_NAMES}style:1.0}}", f"{_NAMES}meta:1.0}}"
PRESENTATION, MANIFEST = f"{_NAMES}presentation:1.0}}", f"{_NAMES}manifest:1.0}}"
SVG, FO = f"{_NAMES}svg-compatible:1.0}}", f"{_NAMES}xsl-fo-compatible:1.0}}"
DC, HREF = "{http://purl.org/dc/elements/1.1/}", "{http://www.w3.org/1999/xlink}href"

PARAGRAPHS = frozenset({f"{TEXT}p", f"{TEXT}h"})
BLOCKS = PARAGRAPHS | {f"{TEXT}list-item", f"{TABLE}table-cell"}
SIGNS = {f"{TEXT}tab": "\t", f"{TEXT}line-break": "\n"}
SPACES = f"{TEXT}s"
UNREAD = frozenset(
    {
        f"{TEXT}tracked-changes", f"{TEXT}table-of-content", f"{TEXT}illustration-index", f"{TEXT}table-index",
        f"{TEXT}alphabetical-index", f"{TEXT}ruby-text", f"{TEXT}note-citation", f"{TEXT}sequence-decls",
        f"{TEXT}variable-decls", f"{OFFICE}annotation", f"{OFFICE}forms", f"{SVG}title", f"{SVG}desc",
        f"{PRESENTATION}notes", f"{TABLE}tracked-changes", f"{TABLE}covered-table-cell",
    }
)  # fmt: skip
"""Deleted text, directories, comments, hidden cells, and what is read elsewhere."""
HUNG = frozenset(
    {f"{DRAW}{name}" for name in ("frame", "g", "custom-shape", "rect", "ellipse")} | {f"{TEXT}note"}
)
"""What hangs on a paragraph without being part of its text."""
REPEATED_MAX = 16_384
_DIGITS_MAX = 9


def count_of(element: _Element, attribute: str) -> int:
    """Return a number from an attribute, at least 1."""
    text = element.get(attribute, "1")
    return max(int(text), 1) if text.isdecimal() and len(text) <= _DIGITS_MAX else 1

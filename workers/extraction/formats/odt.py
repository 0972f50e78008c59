"""OpenDocument's odt: paragraphs, headings, lists, tables, frames, footnotes and pictures, in the order of the text."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from workers.extraction.draft import Draft
from workers.extraction.formats.odf import OdfPackage
from workers.extraction.formats.odf_body import OdfBody
from workers.extraction.formats.odf_styles import OdfStyles

if TYPE_CHECKING:
    from pathlib import Path

    from workers.extraction.output import Output
    from workers.extraction.types import Extracted


def read(file: Path, out: Output) -> Extracted:
    """Return what the document holds, without headers, footers, comments and deleted text. It has no pages.

    Raises FileError `file.damaged`, `file.encrypted`, `file.too_much`.
    """
    draft = Draft(out)
    with OdfPackage.opened(file) as package:
        body = OdfBody(package, OdfStyles(package), draft)
        body.read(package.body("text"))
        said = package.said()
    return draft.finished(replace(said, title=said.title or body.title))

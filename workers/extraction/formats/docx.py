"""Word's docx: paragraphs, headings, lists, tables, text boxes, footnotes and pictures, in the order of the text."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from workers.extraction.draft import Draft
from workers.extraction.formats.docx_body import WordBody
from workers.extraction.formats.docx_names import W
from workers.extraction.formats.ooxml import OfficePackage
from workers.inference.errors import FileError

if TYPE_CHECKING:
    from pathlib import Path

    from workers.extraction.output import Output
    from workers.extraction.types import Extracted


def read(file: Path, out: Output) -> Extracted:
    """Return what the document holds, without headers, footers, comments and deleted text. It has no pages.

    Raises FileError `file.damaged`, `file.too_much`.
    """
    draft = Draft(out)
    with OfficePackage.opened(file) as package:
        body = package.xml(package.main).find(f"{W}body")
        if body is None:
            raise FileError("file.damaged", reason="the document has no body")
        word = WordBody(package, draft)
        word.read(body)
        said = package.said()
    found = draft.finished(said)
    return replace(found, title=found.title or word.title, language=found.language or word.language)

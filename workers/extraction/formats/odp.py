"""OpenDocument's odp: a slide is a page, its title a heading; text, tables, pictures, charts, the speaker's notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers.extraction.draft import Draft
from workers.extraction.formats.odf import OdfPackage
from workers.extraction.formats.odf_body import OdfBody, OdfParagraph
from workers.extraction.formats.odf_names import DRAW, PRESENTATION
from workers.extraction.formats.odf_styles import OdfStyles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lxml.etree import _Element

    from workers.extraction.output import Output
    from workers.extraction.types import Extracted

_ON_EVERY_SLIDE = frozenset({"header", "footer", "date-time", "page-number", "page"})


def read(file: Path, out: Output) -> Extracted:
    """Return what the slides hold, in their order.

    Raises FileError `file.damaged`, `file.encrypted`, `file.too_much`.
    """
    draft = Draft(out)
    with OdfPackage.opened(file) as package:
        styles = OdfStyles(package)
        body = OdfBody(package, styles, draft)
        for slide in package.body("presentation").iterfind(f"{DRAW}page"):
            draft.begin_page(*styles.page_size(slide.get(f"{DRAW}master-page-name", "")))
            if styles.is_hidden(slide):
                draft.note(f"Slide {draft.page} is hidden in the show.")
            _read_slide(slide, body, draft)
        return draft.finished(package.said())


def _read_slide(slide: _Element, body: OdfBody, draft: Draft) -> None:
    for shape in _shown(slide):
        if _kind(shape) == "title":
            parts = OdfParagraph()
            for child in shape:
                parts.read(child)
            draft.heading(parts.text, 1)
    body.read(shape for shape in _shown(slide) if _kind(shape) != "title")
    for notes in slide.iterfind(f"{PRESENTATION}notes"):
        body.read(_shown(notes))


def _shown(container: _Element) -> Iterator[_Element]:
    """Yield the shapes with content of their own, without what is repeated on every slide."""
    for shape in container:
        if shape.get(f"{PRESENTATION}placeholder") != "true" and _kind(shape) not in _ON_EVERY_SLIDE:
            yield shape


def _kind(shape: _Element) -> str:
    return str(shape.get(f"{PRESENTATION}class", ""))

"""PowerPoint's pptx: a slide is a page, its title a heading; text, tables, pictures, charts, the speaker's notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers.extraction.draft import Draft
from workers.extraction.formats.drawingml import place_shape, shapes_in, texts_of
from workers.extraction.formats.ooxml import OfficePackage, R

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lxml.etree import _Element

    from workers.extraction.output import Output
    from workers.extraction.types import Extracted

_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_POINT = 12_700
"""English Metric Units in a point."""
_TITLES = frozenset({"title", "ctrTitle"})
_ON_EVERY_SLIDE = frozenset({"dt", "ftr", "hdr", "sldNum", "sldImg"})
_SIDE_MAX = 100_000_000


def read(file: Path, out: Output) -> Extracted:
    """Return what the slides hold, in their order. Raises FileError `file.damaged`, `file.too_much`."""
    draft = Draft(out)
    with OfficePackage.opened(file) as package:
        root = package.xml(package.main)
        width, height = _size(root.find(f"{_P}sldSz"))
        for slide in root.iterfind(f"{_P}sldIdLst/{_P}sldId"):
            part = package.new_target(package.main, slide.get(f"{R}id"))
            if part is not None:
                draft.begin_page(width, height)
                _read_slide(package, draft, part)
        return draft.finished(package.said())


def _read_slide(package: OfficePackage, draft: Draft, part: str) -> None:
    slide = package.xml(part)
    if slide.get("show") in ("0", "false"):
        draft.note(f"Slide {draft.page} is hidden in the show.")
    shapes = list(_shapes(slide))
    for shape in shapes:
        if _placeholder(shape) in _TITLES:
            draft.heading(" ".join(texts_of(shape)), 1)
    for shape in shapes:
        if _placeholder(shape) not in _TITLES:
            place_shape(package, draft, part, shape, _P)
    for notes in package.all_related(part, "notesSlide"):
        for text in (text for shape in _shapes(package.xml(notes)) for text in texts_of(shape)):
            draft.text(text)


def _shapes(slide: _Element) -> Iterator[_Element]:
    """Yield what a slide shows, without the date, footer and number that its master repeats."""
    tree = slide.find(f"{_P}cSld/{_P}spTree")
    for shape in () if tree is None else shapes_in(tree, _P):
        if _placeholder(shape) not in _ON_EVERY_SLIDE:
            yield shape


def _placeholder(shape: _Element) -> str:
    found = shape.find(f"{_P}nvSpPr/{_P}nvPr/{_P}ph")
    return "" if found is None else str(found.get("type", "body"))


def _size(element: _Element | None) -> tuple[float, float]:
    sides = ["", ""] if element is None else [element.get("cx", ""), element.get("cy", "")]
    width, height = (min(int(side), _SIDE_MAX) / _POINT if side.isdecimal() else 0.0 for side in sides)
    return width, height

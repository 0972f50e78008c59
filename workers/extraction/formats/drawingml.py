"""Drawings as all of Office has them: their texts, tables and pictures, the values of charts, the words of diagrams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workers.extraction.formats.ooxml import ALTERNATIVES, A, branch

if TYPE_CHECKING:
    from lxml.etree import _Element

    from workers.extraction.draft import Draft
    from workers.extraction.formats.ooxml import OfficePackage

_C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_DGM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
CHART, DIAGRAM = f"{_C}chart", f"{_DGM}relIds"
POINTS_MAX = 2_000
_SIGNS = {f"{A}br": "\n", f"{A}tab": "\t"}


@dataclass(frozen=True)
class Drawn:
    """A picture by its relation, and its alternative text."""

    relation: str
    said: str = ""


def paragraph_text(paragraph: _Element) -> str:
    """Return the text of a drawing's paragraph."""
    found = []
    for element in paragraph.iter(f"{A}t", *_SIGNS):
        found.append(_SIGNS.get(element.tag) or element.text or "")
    return "".join(found)


def texts_of(body: _Element) -> list[str]:
    """Return the paragraphs of a text's body that are not empty."""
    return [text for one in body.iter(f"{A}p") if (text := paragraph_text(one).strip())]


def place_chart(package: OfficePackage, draft: Draft, where: str, relation: str) -> None:
    """Add a chart as its title and a row for each category, with the names of its series."""
    part = package.target(where, relation)
    if part is None:
        return
    root = package.xml(part)
    title = root.find(f"{_C}chart/{_C}title")
    if title is not None:
        draft.text(" ".join(texts_of(title)))
    series = list(root.iter(f"{_C}ser"))
    names = ["", *(" ".join(_points(one.find(f"{_C}tx")).values()) for one in series)]
    values = [_points(_first(one, "val", "yVal")) for one in series]
    categories: dict[int, str] = {}
    for one in series:
        categories = _points(_first(one, "cat", "xVal")) or categories
    for index in sorted({at for points in (categories, *values) for at in points}):
        draft.row([categories.get(index, ""), *(points.get(index, "") for points in values)], names)


def place_diagram(package: OfficePackage, draft: Draft, where: str, relation: str) -> None:
    """Add the texts of a SmartArt diagram."""
    part = package.target(where, relation)
    if part is not None:
        for text in texts_of(package.xml(part)):
            draft.text(text)


def alternatives_resolved(element: _Element) -> list[_Element]:
    """Return an element's children, of alternatives the ones that are read."""
    found: list[_Element] = []
    for child in element:
        if child.tag == ALTERNATIVES:
            chosen = branch(child)
            found += () if chosen is None else chosen
        else:
            found.append(child)
    return found


def _first(element: _Element, *names: str) -> _Element | None:
    return next((found for name in names if (found := element.find(f"{_C}{name}")) is not None), None)


def _points(element: _Element | None) -> dict[int, str]:
    """Return the cached values by their index."""
    found: dict[int, str] = {}
    for point in () if element is None else element.iter(f"{_C}pt"):
        text, index = point.findtext(f"{_C}v") or "", point.get("idx", "")
        if index.isdecimal() and len(found) < POINTS_MAX:
            found[int(index)] = text
    return found

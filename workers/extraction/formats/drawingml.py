"""Drawings as all of Office has them: their texts, tables and pictures, the values of charts, the words of diagrams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workers.extraction.formats.ooxml import ALTERNATIVES, A, R, branch
from workers.extraction.tables import TableCell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml.etree import _Element

    from workers.extraction.draft import Draft
    from workers.extraction.formats.ooxml import OfficePackage

_C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_DGM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
CHART, DIAGRAM = f"{_C}chart", f"{_DGM}relIds"
POINTS_MAX = 2_000
COLUMNS_MAX = 1_000
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


def shapes_in(container: _Element, space: str) -> Iterator[_Element]:
    """Yield the shapes, pictures and frames of a drawing whose elements have the names of `space`; of groups too."""
    for child in alternatives_resolved(container):
        if child.tag == f"{space}grpSp":
            yield from shapes_in(child, space)
        elif child.tag in (f"{space}sp", f"{space}pic", f"{space}graphicFrame"):
            yield child


def place_shape(package: OfficePackage, draft: Draft, where: str, shape: _Element, space: str) -> None:
    """Add what a shape shows: its text, its table, its picture, its chart or diagram."""
    for table in shape.iter(f"{A}tbl"):
        draft.table([_row(row) for row in table.iterfind(f"{A}tr")], _named(table))
    body = shape.find(f"{space}txBody")
    for text in () if body is None else texts_of(body):
        draft.text(text)
    said = next((one.get("descr", "") for one in shape.iter(f"{space}cNvPr")), "")
    for blip in shape.iter(f"{A}blip"):
        relation = blip.get(f"{R}embed") or blip.get(f"{R}link")
        package.place_picture(draft, where, relation, said)
    for chart in shape.iter(CHART):
        place_chart(package, draft, where, chart.get(f"{R}id", ""))
    for diagram in shape.iter(DIAGRAM):
        place_diagram(package, draft, where, diagram.get(f"{R}dm", ""))


def _row(row: _Element) -> list[TableCell]:
    """Return a row's cells; those that go on from the left or from above are empty, and not counted twice."""
    cells = []
    for cell in row.iterfind(f"{A}tc"):
        if cell.get("hMerge") not in ("1", "true"):
            text = "" if cell.get("vMerge") in ("1", "true") else " ".join(texts_of(cell))
            span = cell.get("gridSpan", "1")
            cells.append(TableCell(text, min(int(span), COLUMNS_MAX) if span.isdecimal() else 1))
    return cells


def _named(table: _Element) -> int | None:
    properties = table.find(f"{A}tblPr")
    is_named = properties is not None and properties.get("firstRow") in ("1", "true")
    return 1 if is_named else None


def place_chart(package: OfficePackage, draft: Draft, where: str, relation: str) -> None:
    """Add a chart as its title and a row for each category, with the names of its series."""
    part = package.new_target(where, relation)
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
    part = package.new_target(where, relation)
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

"""Paragraphs, lists, tables and frames of OpenDocument, walked in their order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workers.extraction.formats.odf_names import (
    BLOCKS,
    DRAW,
    HREF,
    HUNG,
    PARAGRAPHS,
    SIGNS,
    SPACES,
    SVG,
    TABLE,
    TEXT,
    UNREAD,
    count_of,
)
from workers.extraction.tables import TableCell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lxml.etree import _Element

    from workers.extraction.draft import Draft
    from workers.extraction.formats.odf import OdfPackage
    from workers.extraction.formats.odf_styles import OdfStyles

COLUMNS_MAX, SPACES_MAX = 1_000, 100
_CAPTIONS = frozenset({"caption", "illustration", "figure", "abbildung", "drawing"})
_ROW, _HEADER = f"{TABLE}table-row", f"{TABLE}table-header-rows"
_CELLS = (f"{TABLE}table-cell", f"{TABLE}covered-table-cell")
_AROUND_ROWS = frozenset({_HEADER, f"{TABLE}table-rows", f"{TABLE}table-row-group"})


@dataclass
class OdfParagraph:
    """The text of a paragraph or cell as it is shown, and what hangs on it: frames, shapes, footnotes."""

    texts: list[str] = field(default_factory=list)
    hung: list[_Element] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text as it is shown."""
        return "".join(self.texts).strip()

    def read(self, element: _Element) -> None:
        """Read an element's text and that of what is in it."""
        self.texts.append(element.text or "")
        for child in element:
            if child.tag in HUNG:
                self.hung.append(child)
            elif child.tag == SPACES:
                self.texts.append(" " * min(count_of(child, f"{TEXT}c"), SPACES_MAX))
            elif child.tag in SIGNS:
                self.texts.append(SIGNS[child.tag])
            elif child.tag not in UNREAD:
                self.texts.append("\n" if child.tag in BLOCKS else "")
                self.read(child)
            self.texts.append(child.tail or "")


class OdfBody:
    """Puts what it meets into a draft; `title` is the first paragraph of that style."""

    def __init__(self, package: OdfPackage, styles: OdfStyles, draft: Draft) -> None:
        self._package = package
        self._styles = styles
        self._draft = draft
        self._objects: set[str] = set()
        self.title = ""

    def read(self, elements: Iterable[_Element]) -> None:
        """Read paragraphs, lists, tables and frames, and what is in elements that wrap them."""
        for element in elements:
            if element.tag in PARAGRAPHS:
                self._paragraph(element)
            elif element.tag == f"{TEXT}list":
                self._list(element, element.get(f"{TEXT}style-name", ""), 1)
            elif element.tag == f"{TABLE}table":
                self._table(element)
            elif element.tag == f"{DRAW}frame":
                self._frame(element)
            elif element.tag not in UNREAD:
                self.read(element)

    def beside(self, parts: OdfParagraph) -> None:
        """Read what hangs on a paragraph or cell."""
        self.read(parts.hung)

    def _paragraph(self, element: _Element, label: str = "") -> None:
        parts = OdfParagraph()
        parts.read(element)
        names = self._styles.names(element.get(f"{TEXT}style-name", ""))
        if names & _CAPTIONS:  # the picture is often inside of the paragraph that is its caption
            self.beside(parts)
            self._draft.caption(parts.text)
            return
        if element.tag == f"{TEXT}h":
            self._draft.heading(parts.text, count_of(element, f"{TEXT}outline-level"))
        elif "title" in names and parts.text:
            self.title = self.title or " ".join(parts.text.split())
            self._draft.heading(parts.text, 1)
        elif parts.text:
            self._draft.text(f"{label} {parts.text}")
        self.beside(parts)

    def _list(self, element: _Element, style: str, level: int) -> None:
        marks = self._styles.list_level(style, level)
        for count, item in enumerate(element.iterfind(f"{TEXT}list-item")):
            label = marks.label(count)
            for child in item:
                if child.tag == f"{TEXT}list":
                    self._list(child, child.get(f"{TEXT}style-name", "") or style, level + 1)
                elif child.tag == f"{TEXT}p":
                    self._paragraph(child, label)
                    label = ""
                else:
                    self.read([child])
        self.read(part for header in element.iterfind(f"{TEXT}list-header") for part in header)

    def _frame(self, element: _Element) -> None:
        """Read a frame. It holds the same in several forms, the best first: a chart, then a picture of it."""
        said = " ".join((element.findtext(f"{SVG}{tag}") or "").strip() for tag in ("title", "desc"))
        for child in element:
            if child.tag == f"{DRAW}image":
                self._package.place_picture(self._draft, child.get(HREF, ""), said)
                return
            if child.tag == f"{DRAW}object" and self._object(child.get(HREF, "")):
                return
            if child.tag in (f"{DRAW}text-box", f"{TABLE}table"):
                self.read([child])
                return

    def _object(self, reference: str) -> bool:
        """Read the tables of an object, such as a chart's; tell whether there are any."""
        content = self._package.embedded(reference) if reference not in self._objects else None
        self._objects.add(reference)
        tables = [] if content is None else list(content.iter(f"{TABLE}table"))
        self.read(tables)
        return bool(tables)

    def _table(self, element: _Element) -> None:
        rows = list(rows_of(element))
        cells = [[cell for cell in row if cell.tag in _CELLS] for row in rows]
        if (
            max(
                (sum(count_of(one, f"{TABLE}number-columns-repeated") for one in row) for row in cells),
                default=0,
            )
            < 2
        ):
            self.read(cell for row in cells for cell in row)  # a frame around text, not a table
            return
        read = [[_cell(cell) for cell in row] for row in cells]
        named = sum(row.getparent().tag == _HEADER for row in rows)
        self._draft.table([[cell for same, _ in row for cell in same] for row in read], named or None)
        for parts in (parts for row in read for _, parts in row):
            self.beside(parts)


def rows_of(table: _Element) -> Iterator[_Element]:
    """Yield the rows of a table, those in groups too."""
    for child in table:
        if child.tag == _ROW:
            yield child
        elif child.tag in _AROUND_ROWS:
            yield from rows_of(child)


def _cell(element: _Element) -> tuple[list[TableCell], OdfParagraph]:
    """Return a cell as often as it is repeated. What a wide one covers follows as cells of its own, which are empty."""
    parts = OdfParagraph()
    if element.tag == _CELLS[0]:
        parts.read(element)
    repeated = min(count_of(element, f"{TABLE}number-columns-repeated"), COLUMNS_MAX)
    return [TableCell(parts.text)] * repeated, parts

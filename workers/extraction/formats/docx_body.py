"""The body of a Word document, walked from its first element to its last."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from workers.extraction.formats.docx_names import VALUE, WRAPPERS, W
from workers.extraction.formats.docx_numbering import WordNumbering
from workers.extraction.formats.docx_paragraphs import ParagraphParts
from workers.extraction.formats.docx_styles import WordStyles, number, outline_level
from workers.extraction.formats.drawingml import alternatives_resolved, place_chart, place_diagram
from workers.extraction.formats.ooxml import is_on
from workers.extraction.tables import TableCell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml.etree import _Element

    from workers.extraction.draft import Draft
    from workers.extraction.formats.docx_styles import WordStyle
    from workers.extraction.formats.ooxml import OfficePackage

_SPANS_MAX = 1000
_FOR_LINES_ONLY = frozenset({"separator", "continuationSeparator", "continuationNotice"})


class WordBody:
    """Puts what it meets into a draft; `title` is the paragraph of that style, `language` that of most text."""

    def __init__(self, package: OfficePackage, draft: Draft) -> None:
        self._package = package
        self._draft = draft
        self._styles = WordStyles(self._part("styles"))
        self._numbering = WordNumbering(self._part("numbering"), self._styles)
        self._notes: dict[str, dict[str, _Element]] = {}
        self._languages: Counter[str] = Counter()
        self._where = package.main
        self.title = ""

    @property
    def language(self) -> str:
        """The language in which most of the text is written, as Word says."""
        return next((name for name, _ in self._languages.most_common(1)), "")

    def read(self, container: _Element) -> None:
        """Read the paragraphs and tables of an element, and of what wraps them."""
        for element in alternatives_resolved(container):
            if element.tag == f"{W}p":
                self._paragraph(element)
            elif element.tag == f"{W}tbl":
                self._table(element)
            elif element.tag == f"{W}sdt":
                self._control(element)
            elif element.tag in WRAPPERS:
                self.read(element)
            elif element.tag == f"{W}altChunk":
                self._draft.leave_out("document embedded in the text")

    def _control(self, element: _Element) -> None:
        """Read a content control, unless it holds the table of contents, which repeats the headings."""
        gallery = element.find(f"{W}sdtPr/{W}docPartObj/{W}docPartGallery")
        content = element.find(f"{W}sdtContent")
        is_contents = gallery is not None and gallery.get(VALUE) == "Table of Contents"
        if content is not None and not is_contents:
            self.read(content)

    def _paragraph(self, element: _Element) -> None:
        properties = element.find(f"{W}pPr")
        style = self._style(properties)
        if style.is_directory:
            return
        parts = ParagraphParts.of(element)
        self._languages.update(parts.languages(self._styles.language))
        level = outline_level(properties)
        self._write(
            parts.text, style, style.level if level is None else level, self._label(properties, style)
        )
        self._beside(parts)

    def _write(self, text: str, style: WordStyle, level: int, label: str) -> None:
        if not text.strip():
            return
        if style.is_title:
            self.title = self.title or " ".join(text.split())
        text = f"{label} {text}" if label else text
        if style.is_caption:
            self._draft.caption(text)
        elif level or style.is_title:
            self._draft.heading(text, level or 1)
        else:
            self._draft.text(text)

    def _beside(self, parts: ParagraphParts) -> None:
        """Read what hangs on a paragraph: pictures, charts, text boxes, footnotes."""
        for picture in parts.pictures:
            self._package.place_picture(self._draft, self._where, picture.relation, picture.said)
        for chart in parts.charts:
            place_chart(self._package, self._draft, self._where, chart)
        for diagram in parts.diagrams:
            place_diagram(self._package, self._draft, self._where, diagram)
        for box in parts.boxes:
            self.read(box)
        for kind, note_id in parts.notes:
            self._note(kind, note_id)

    def _note(self, kind: str, note_id: str) -> None:
        if kind not in self._notes:
            root = self._part(kind)
            found = () if root is None else root
            self._notes[kind] = {one.get(f"{W}id", ""): one for one in found}
        note = self._notes[kind].pop(note_id, None)  # a note may refer to itself
        if note is None or note.get(f"{W}type") in _FOR_LINES_ONLY:
            return
        before, self._where = self._where, self._package.related(self._package.main, kind) or self._where
        self.read(note)
        self._where = before

    def _style(self, properties: _Element | None) -> WordStyle:
        found = None if properties is None else properties.find(f"{W}pStyle")
        return self._styles.of("" if found is None else found.get(VALUE, ""))

    def _label(self, properties: _Element | None, style: WordStyle) -> str:
        listed = None if properties is None else properties.find(f"{W}numPr")
        list_id, level = style.list_id, style.list_level
        if listed is not None:
            list_id = _value(listed, "numId") or list_id
            level = number(_value(listed, "ilvl"))
        elif style.list_id and style.level:
            level = max(level, style.level - 1)
        return self._numbering.label(list_id, level) if list_id not in ("", "0") else ""

    def _table(self, element: _Element) -> None:
        rows = [one for one in _inside(element, f"{W}tr") if one.find(f"{W}trPr/{W}del") is None]
        cells = [list(_inside(row, f"{W}tc")) for row in rows]
        if max(map(len, cells), default=0) <= 1:  # a frame around text, not a table
            for row in cells:
                for cell in row:
                    self.read(cell)
            return
        read = [[self._cell(cell) for cell in row] for row in cells]
        marked = [is_on(row.find(f"{W}trPr/{W}tblHeader"), VALUE) for row in rows]
        named = marked.index(False) if False in marked else len(marked)
        self._draft.table([[cell for cell, _ in row] for row in read], named or None)
        for row in read:
            for _, inside in row:
                for parts in inside:
                    self._beside(parts)

    def _cell(self, element: _Element) -> tuple[TableCell, list[ParagraphParts]]:
        properties = element.find(f"{W}tcPr")
        columns = 1
        if properties is not None:
            columns = min(max(number(_value(properties, "gridSpan")), 1), _SPANS_MAX)
            merged = properties.find(f"{W}vMerge")
            if merged is not None and merged.get(VALUE, "continue") == "continue":
                return TableCell("", columns), []
        inside = [ParagraphParts.of(one) for one in _inside(element, f"{W}p", through=f"{W}tbl")]
        return TableCell(" ".join(parts.text for parts in inside), columns), inside

    def _part(self, kind: str) -> _Element | None:
        part = self._package.related(self._package.main, kind)
        return None if part is None else self._package.xml(part)


def _inside(element: _Element, tag: str, through: str = "") -> Iterator[_Element]:
    """Yield the elements of a tag, in wrappers too; of tables inside of it only `through` them."""
    for child in element:
        if child.tag == tag:
            yield child
        elif (
            child.tag in WRAPPERS
            or child.tag in (f"{W}sdt", through)
            or (through and child.tag in (f"{W}tr", f"{W}tc"))
        ):
            yield from _inside(child, tag, through)


def _value(element: _Element, name: str) -> str:
    found = element.find(f"{W}{name}")
    return "" if found is None else found.get(VALUE, "")

"""The flow of an RTF's text into paragraphs and rows; footnotes and text boxes follow their paragraph."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workers.extraction.tables import TableCell

if TYPE_CHECKING:
    from workers.extraction.draft import Draft


@dataclass
class RtfText:
    """Text that comes as bytes in changing encodings and as UTF-16 units."""

    _parts: list[str] = field(default_factory=list)
    _bytes: bytearray = field(default_factory=bytearray)
    _charset: str = "cp1252"

    def add_bytes(self, data: bytes, charset: str) -> None:
        """Add bytes; a character of several may come in several calls."""
        if charset != self._charset:
            self._decode()
            self._charset = charset
        self._bytes += data

    def add(self, text: str) -> None:
        """Add characters."""
        self._decode()
        self._parts.append(text)

    def taken(self) -> str:
        """Return the text, and begin anew."""
        self._decode()
        text = "".join(self._parts)
        self._parts = []
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def _decode(self) -> None:
        if self._bytes:
            self._parts.append(self._bytes.decode(self._charset, "replace"))
            self._bytes.clear()


@dataclass
class RtfFlow:
    """Puts paragraphs and tables into a draft; a table ends with the first paragraph behind it."""

    draft: Draft
    text: RtfText = field(default_factory=RtfText)
    pictures: list[tuple[bytes, str]] = field(default_factory=list)
    _outer: list[RtfText] = field(default_factory=list)
    _asides: list[str] = field(default_factory=list)
    _cells: list[TableCell] = field(default_factory=list)
    _rows: list[list[TableCell]] = field(default_factory=list)
    _named: int = 0

    def begin_aside(self) -> None:
        """Begin a footnote or text box."""
        self._outer.append(self.text)
        self.text = RtfText()

    def end_aside(self) -> None:
        """End it, and go on with the paragraph around it."""
        self._asides.append(self.text.taken())
        self.text = self._outer.pop()

    def end_paragraph(self, level: int, *, is_caption: bool, in_table: bool) -> None:
        """End a paragraph; in a cell or an aside, a line."""
        if self._outer or in_table:
            self.text.add("\n")
            return
        text = self.text.taken()
        if not text.strip() and not self.pictures and not self._asides:
            return
        self._end_table()
        if is_caption:
            self._place_pictures()
            self.draft.caption(text)
        elif level:
            self.draft.heading(text, level)
        else:
            self.draft.text(text)
        self._place_beside()

    def end_cell(self) -> None:
        """End a cell."""
        self._cells.append(TableCell(self.text.taken()))

    def end_row(self, *, is_header: bool) -> None:
        """End a row."""
        if is_header and self._named == len(self._rows):
            self._named += 1
        self._rows.append(self._cells)
        self._cells = []

    def end(self) -> None:
        """End the document."""
        while self._outer:
            self.end_aside()
        self.end_paragraph(0, is_caption=False, in_table=False)
        self._end_table()

    def _end_table(self) -> None:
        if self._cells:
            self.end_row(is_header=False)
        if self._rows:
            self.draft.table(self._rows, self._named or None)
            self._rows, self._named = [], 0

    def _place_beside(self) -> None:
        self._place_pictures()
        asides, self._asides = self._asides, []
        for text in asides:
            for line in text.split("\n"):
                self.draft.text(line)

    def _place_pictures(self) -> None:
        pictures, self.pictures = self.pictures, []
        for data, said in pictures:
            self.draft.picture(data, said)

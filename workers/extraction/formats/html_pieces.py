"""What the walk over a page's elements finds, before it is decided what of it is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True)
class Words:
    """A paragraph; a heading, where it has a level."""

    text: str
    level: int = 0


@dataclass
class HtmlPicture:
    """A picture where it stands: its bytes, or its path beside the page; what is said of it; and its caption."""

    data: bytes
    source: str
    said: str
    caption: str = ""

    @property
    def words(self) -> str:
        """The caption, and what is said of the picture besides."""
        is_more = self.said.strip().lower() not in self.caption.lower()
        return " — ".join(filter(None, (self.caption, self.said if is_more else "")))


@dataclass
class HtmlFigure:
    """A `figure` that is open: its pictures so far, and the words of its caption."""

    pictures: list[HtmlPicture] = field(default_factory=list)
    words: list[str] = field(default_factory=list)


@dataclass
class HtmlCell:
    """A cell of a table, with all that stands in it."""

    is_header: bool = False
    columns: int = 1
    rows: int = 1
    pieces: list[Piece] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The cell's words, in one line."""
        return " ".join(piece.text for piece in self.pieces if isinstance(piece, Words))


@dataclass
class HtmlTable:
    """A table's rows; `heads`: how many of the first stand in its head. `loose` is what stands in no cell."""

    is_layout: bool = False
    heads: int = 0
    rows: list[list[HtmlCell]] = field(default_factory=list)
    loose: list[Piece] = field(default_factory=list)


Piece: TypeAlias = Words | HtmlPicture | HtmlTable

"""What a reader has found so far: it adds block after block, and figures where they stand."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from workers.extraction.drawings import drawing_kind, not_shown
from workers.extraction.tables import TableCell, begins_with_names, line_of, names_of, spread
from workers.extraction.types import LEVELS_MAX, Block, Extracted, Figure, FilePage
from workers.inference.errors import FileError, PictureError
from workers.inference.headers.reading import read_header
from workers.inference.headers.types import PictureLimits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workers.extraction.output import Output
    from workers.extraction.types import BlockKind

NEAR_CHARACTERS_MAX = 300
COLUMNS_MAX = 1_000
NOT_SHOWN_NAMED_MAX = 100
"""Drawings that cannot be shown are named by their captions; those beyond these are counted."""
_PICTURES = PictureLimits(min_side=1, max_bytes=1 << 30)
_IDS_OF_ORNAMENTS = ("image.too_small", "image.empty")
_LINE_ENDS = re.compile(r"[^\S\n]*\n[^\S\n]*")
_SPACES = re.compile(r"[^\S\n]+")
_FILE_NAME = re.compile(r"(?i)\S*\.(png|jpe?g|jfif|gif|bmp|tiff?|emf|wmf|svg|webp|heic|avif)|https?://\S+")
_NUMBERED = re.compile(
    r"(?i)(picture|image|photo|graphic|bild|grafik|imagen|imagem|immagine|afbeelding|рисунок)\s*\d*"
)
_MADE_BY_A_PROGRAM = re.compile(r"(?i)\s*(description automatically generated|ai-generated content.*)[\s.]*$")


@dataclass
class _KeptFigure:
    """A figure where it stands; `from_style` once a paragraph of the style of captions is its caption.

    `drawing`: the format of one that nothing here draws, whose caption is kept all the same.
    """

    figure: Figure
    from_style: bool = False
    drawing: str = ""


@dataclass
class Draft:
    """Blocks, figures, pages and notes in the order in which a reader meets them."""

    out: Output
    page: int = 0
    blocks: list[Block] = field(default_factory=list)
    pages: list[FilePage] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    _figures: list[_KeptFigure] = field(default_factory=list)
    _pictures: int = 0
    _drawings: Counter[str] = field(default_factory=Counter)
    _left_out: Counter[str] = field(default_factory=Counter)
    _seen: set[bytes] = field(default_factory=set)
    _captions: set[int] = field(default_factory=set)

    def heading(self, text: str, level: int) -> None:
        """Add a heading; level 1 is the highest."""
        self._add("heading", " ".join(text.split()), min(max(level, 1), LEVELS_MAX))

    def text(self, text: str) -> None:
        """Add a paragraph."""
        self._add("text", tidied(text))

    def row(self, cells: Sequence[str], names: Sequence[str] = ()) -> None:
        """Add a row of a table."""
        self._add("row", line_of(cells, names))

    def table(self, rows: Sequence[Sequence[TableCell]], named: int | None = None) -> None:
        """Add a table; `named`: how many of its first rows hold the columns' names, None where that must be guessed."""
        rows = [row for row in rows if any(cell.text.strip() for cell in row)]
        if named is None:
            named = int(begins_with_names([[cell.text for cell in row] for row in rows]))
        named = named if named < len(rows) else 0
        names = names_of(rows[:named])
        below = [spread(row) for row in rows[named:]]
        filled = {column for row in below for column, text in enumerate(row) if text.strip()}
        if not filled.issuperset(range(len(names))):
            self.row(names)  # what stands above an empty column is said nowhere else
        for row in below:
            self.row(row, names)

    def caption(self, text: str) -> None:
        """Add a paragraph that is a caption: of the figures right before it, else of those right behind it."""
        before = len(self.blocks)
        self.text(text)
        if len(self.blocks) == before:
            return
        beside = list(takewhile(lambda one: one.figure.after == before, reversed(self._figures)))
        beside = [one for one in beside if not one.from_style]
        for one in beside:
            one.figure, one.from_style = replace(one.figure, caption=self.blocks[before].text), True
        if not beside:
            self._captions.add(before)

    def picture(self, data: bytes, said: str = "") -> None:
        """Keep a picture that stands here, with what the file says of it; none twice, and no ornament."""
        digest = hashlib.sha256(data).digest()
        if digest in self._seen:
            return
        if drawing := drawing_kind(data):
            self._seen.add(digest)
            self._drawing(drawing, said)
        elif self._is_figure(data) and self._has_room():
            self._seen.add(digest)
            self._place(Figure(self.out.put(data)), said)

    def _drawing(self, kind: str, said: str) -> None:
        """Take note of a drawing that is not shown; what the file says of it stands in the text."""
        self._drawings[kind] += 1
        if self._drawings.total() > self.out.limits.figures:
            return
        self._place(Figure(""), said, drawing=kind)
        alternative = worth_saying(said)
        if alternative and (not self.blocks or self.blocks[-1].text != alternative):
            self.text(alternative)
            kept = self._figures[-1]
            kept.figure = replace(kept.figure, after=len(self.blocks))

    def picture_beside(self, source: str, said: str = "") -> None:
        """Take note of a picture that stands here and is a file of its own, by its path from this file."""
        digest = hashlib.sha256(source.encode(errors="replace")).digest()
        if digest not in self._seen and self._has_room():
            self._seen.add(digest)
            self._place(Figure("", source=source), said)

    def _has_room(self) -> bool:
        has_room = self._pictures < self.out.limits.figures
        if not has_room:
            self.note(f"Only the first {self.out.limits.figures} pictures were taken.")
        return has_room

    def _place(self, figure: Figure, said: str, *, drawing: str = "") -> None:
        after = len(self.blocks)
        named = after - 1 in self._captions
        caption = self.blocks[-1].text if named else worth_saying(said)
        placed = replace(figure, caption=caption, page=self.page, after=after)
        self._figures.append(_KeptFigure(placed, named, drawing))
        self._pictures += not drawing

    def begin_page(self, width: float, height: float) -> None:
        """Begin the next page or slide, of a size in points. Raises FileError `file.too_much`."""
        if self.page >= self.out.limits.pages:
            raise FileError("file.too_much/pages", limit=self.out.limits.pages)
        self.page += 1
        self.pages.append(FilePage(self.page, width, height))

    def note(self, sentence: str) -> None:
        """Take note of what was left out."""
        self.notes[sentence] = None

    def leave_out(self, what: str) -> None:
        """Count one more of what was left out: `picture that cannot be read`."""
        self._left_out[what] += 1

    def finished(self, said: Extracted) -> Extracted:
        """Return what was found, with title, authors and the like as the file says them."""
        counted = tuple(f"Left out: {count} × {what}." for what, count in sorted(self._left_out.items()))
        with_text = {block.page for block in self.blocks}
        return replace(
            said,
            blocks=tuple(self.blocks),
            figures=tuple(self._with_near(one.figure) for one in self._figures if not one.drawing),
            pages=tuple(replace(page, has_text=page.number in with_text) for page in self.pages),
            notes=(*said.notes, *self.notes, *self._not_shown(), *counted),
        )

    def _not_shown(self) -> Iterator[str]:
        """Yield a sentence for each drawing that has a caption, and one for all others of a format."""
        others = self._drawings.copy()
        with_caption = (one for one in self._figures if one.drawing and one.figure.caption)
        for one in islice(with_caption, NOT_SHOWN_NAMED_MAX):
            others[one.drawing] -= 1
            yield not_shown(one.drawing, one.figure.caption)
        yield from (not_shown(kind, count=count) for kind, count in sorted(others.items()) if count)

    def _add(self, kind: BlockKind, text: str, level: int = 0) -> None:
        if text:
            self.out.count_characters(len(text))
            self.blocks.append(Block(kind, text, level, self.page))

    def _is_figure(self, data: bytes) -> bool:
        try:
            header = read_header(data, _PICTURES)
        except PictureError as error:
            if error.id not in _IDS_OF_ORNAMENTS:
                self.leave_out("picture that cannot be read")
            return False
        return min(header.width, header.height) >= self.out.limits.figure_side_px

    def _with_near(self, figure: Figure) -> Figure:
        beside = (figure.after - 1, figure.after)
        texts = [
            self.blocks[index].text
            for index in beside
            if 0 <= index < len(self.blocks) and self.blocks[index].page == figure.page
        ]
        near = "\n".join(text[:NEAR_CHARACTERS_MAX] for text in texts if text != figure.caption)
        return replace(figure, near=near)


def tidied(text: str) -> str:
    """Return a text with single spaces, and without those around its line ends."""
    return _LINE_ENDS.sub("\n", _SPACES.sub(" ", text)).strip()


def worth_saying(said: str) -> str:
    """Return a picture's alternative text; nothing for the name of its file, or a program's own for it."""
    text = _MADE_BY_A_PROGRAM.sub("", " ".join(said.split()))
    return "" if _FILE_NAME.fullmatch(text) or _NUMBERED.fullmatch(text) else text

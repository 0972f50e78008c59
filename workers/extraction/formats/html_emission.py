"""The pieces of a page into a document's draft: here it is decided which tables are tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers.extraction.formats.html_pieces import HtmlPicture, HtmlTable, Words
from workers.extraction.tables import TableCell, begins_with_names, names_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workers.extraction.draft import Draft
    from workers.extraction.formats.html_pieces import HtmlCell, Piece

_CELL_CHARACTERS_MAX = 1_000
"""What is longer in a table without headers is no cell's value but a text."""
_NAME_CHARACTERS_MAX = 200
"""What is longer in a header is no column's name, which would stand before each of its cells."""
_COLUMNS_STRETCHED_MAX = 100
"""Cells farther right stand in their own row alone."""


def emit(pieces: Sequence[Piece], draft: Draft) -> None:
    """Add the pieces to the draft, in their order."""
    for piece in pieces:
        if isinstance(piece, HtmlTable):
            _emit_table(piece, draft)
        elif isinstance(piece, HtmlPicture):
            _emit_picture(piece, draft)
        elif piece.level:
            draft.heading(piece.text, piece.level)
        else:
            draft.text(piece.text)


def _emit_picture(picture: HtmlPicture, draft: Draft) -> None:
    if picture.source:
        draft.picture_beside(picture.source, picture.words)
    else:
        draft.picture(picture.data, picture.words)


def _emit_table(table: HtmlTable, draft: Draft) -> None:
    emit(table.loose, draft)
    if _is_layout(table):
        for row in table.rows:
            for cell in row:
                emit(cell.pieces, draft)
        return
    rows = [row for row in table.rows if row]
    named = _named(table, rows)
    spread = list(_spread(rows, named))
    names = names_of([[TableCell(text) for text in row] for row in spread[:named]])
    for cells, texts in zip(rows[named:], spread[named:], strict=True):
        draft.row(texts, names)
        emit([piece for cell in cells for piece in cell.pieces if isinstance(piece, HtmlPicture)], draft)


def _is_layout(table: HtmlTable) -> bool:
    """Tell a table that only puts things side by side: it holds tables, headings or texts, or has one column."""
    cells = [cell for row in table.rows for cell in row]
    if table.is_layout or max(map(len, table.rows), default=0) < 2:
        return True
    words = [piece for cell in cells for piece in cell.pieces if isinstance(piece, Words)]
    if any(piece.level for piece in words):
        return True
    has_headers = any(cell.is_header for cell in cells)
    return not has_headers and any(len(cell.text) > _CELL_CHARACTERS_MAX for cell in cells)


def _named(table: HtmlTable, rows: Sequence[Sequence[HtmlCell]]) -> int:
    """Return how many of the first rows hold the columns' names."""
    if table.heads:
        named = table.heads
    elif any(cell.is_header for row in rows for cell in row):
        named = _headers_on_top(rows)
    else:
        named = int(begins_with_names([[cell.text for cell in row] for row in rows]))
    are_names = all(len(cell.text) <= _NAME_CHARACTERS_MAX for row in rows[:named] for cell in row)
    return named if named < len(rows) and are_names else 0


def _headers_on_top(rows: Sequence[Sequence[HtmlCell]]) -> int:
    for index, row in enumerate(rows):
        if len(row) < 2 or not all(cell.is_header or not cell.text for cell in row):
            return index
    return 0


def _spread(rows: Sequence[Sequence[HtmlCell]], named: int) -> Iterator[list[str]]:
    """Yield each row's texts by column. What stretches over rows stands in each of them.

    What stretches over columns stands in the first, but in all where it is their name.
    """
    below: dict[int, tuple[int, str]] = {}
    for index, row in enumerate(rows):
        texts = {column: text for column, (_, text) in below.items()}
        below = {column: (left - 1, text) for column, (left, text) in below.items() if left > 1}
        column = 0
        for cell in row:
            text = cell.text
            for at in range(cell.columns):
                while column in texts:
                    column += 1
                texts[column] = text if index < named or not at else ""
                if cell.rows > 1 and column < _COLUMNS_STRETCHED_MAX:
                    below[column] = (cell.rows - 1, texts[column])
        yield [texts.get(column, "") for column in range(max(texts, default=-1) + 1)]

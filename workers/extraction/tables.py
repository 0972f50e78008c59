"""Rows of tables as lines of text, each cell with its column's name; and which rows are names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workers.extraction.types import CELLS_BETWEEN

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME_CHARACTERS_MAX = 80
COLUMNS_OF_A_TABLE = 3
"""A table with fewer may as well be pairs of a name and a value, without a row of names."""
ROWS_LOOKED_AT = 20
_NUMBER = re.compile(r"[-+(]?\W{0,2}\d")


@dataclass(frozen=True)
class TableCell:
    """A cell with the number of columns over which it stretches; one that goes on from above is empty."""

    text: str
    columns: int = 1


def line_of(cells: Sequence[str], names: Sequence[str] = ()) -> str:
    """Return a row as one line, without its empty cells."""
    named = []
    for index, cell in enumerate(cells):
        text = " ".join(cell.split())
        name = names[index] if index < len(names) else ""
        if text:
            named.append(f"{name}: {text}" if name else text)
    return CELLS_BETWEEN.join(named)


def spread(row: Sequence[TableCell]) -> list[str]:
    """Return a row's texts by column; a wide cell's stands in its first."""
    return [text for cell in row for text in (cell.text, *[""] * (cell.columns - 1))]


def names_of(rows: Sequence[Sequence[TableCell]]) -> list[str]:
    """Return the columns' names out of one row or several, one above the other."""
    names: list[str] = []
    for row in rows:
        repeated = [" ".join(cell.text.split()) for cell in row for _ in range(cell.columns)]
        names += [""] * (len(repeated) - len(names))
        for index, text in enumerate(repeated):
            if text and text != names[index]:
                names[index] = f"{names[index]} {text}".strip()
    return names


def begins_with_names(rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether the first row looks like the columns' names, where the file does not say.

    It does where its cells are short, different and no numbers, and the table has three columns or more, or a column
    of numbers.
    """
    if len(rows) < 2 or len(rows[0]) < 2:
        return False
    first = [text.strip() for text in rows[0]]
    if len(set(first)) < len(first) or not all(map(_is_name, first)):
        return False
    return len(first) >= COLUMNS_OF_A_TABLE or any(
        _has_numbers([row[column] for row in rows[1:ROWS_LOOKED_AT] if column < len(row)])
        for column in range(len(first))
    )


def _is_name(text: str) -> bool:
    return bool(text) and len(text) <= NAME_CHARACTERS_MAX and not _NUMBER.match(text)


def _has_numbers(column: list[str]) -> bool:
    filled = [text for text in column if text.strip()]
    return bool(filled) and all(any(sign.isdigit() for sign in text) for text in filled)

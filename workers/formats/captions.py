"""Captions of pictures, one a line: Flickr's `name.jpg#k<TAB>text`, or Kaggle's table of `image,caption`."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from workers.formats.lines import numbered_lines
from workers.formats.problems import Problem, problem
from workers.formats.rows import read_rows
from workers.formats.text import utf8_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workers.formats.rows import Row

COLUMNS = ["image", "caption"]
_HEAD_BYTES = 1000
_LABELLED = re.compile(rb"[^\t\n]+#\d+\t")


@dataclass(frozen=True, slots=True)
class Caption:
    """One caption of the picture of this name; `where` is what a person finds it by, such as `line 12`."""

    where: str
    picture: str
    number: str
    text: str


@dataclass(frozen=True, slots=True)
class WrongLine:
    """A line that is no caption."""

    where: str
    problem: Problem


Line: TypeAlias = Caption | WrongLine


def begins_captions(text: bytes) -> bool:
    """Tell a text, in UTF-8, whose first line is a caption or the header of a table of captions."""
    return bool(_LABELLED.match(text)) or _begins_table(text)


def read_captions(file: BinaryIO) -> Iterator[Line]:
    """Yield the captions of an opened file, from its start, in their order, and the lines that are none.

    A table's captions are numbered from 0, as long as a picture's rows stand together.
    """
    file.seek(0)
    is_table = _begins_table(utf8_text(file).read(_HEAD_BYTES).lstrip())
    file.seek(0)
    return _table(file) if is_table else _lines(file)


def _begins_table(text: bytes) -> bool:
    first = next(read_rows(io.BytesIO(text[:_HEAD_BYTES].partition(b"\n")[0]), _known), None)
    return first is not None and _names(first.cells) == COLUMNS


def _names(cells: list[str]) -> list[str]:
    return [cell.strip().lower() for cell in cells]


def _known(cells: list[str]) -> int:
    return len(set(COLUMNS) & set(_names(cells)))


def _lines(file: BinaryIO) -> Iterator[Line]:
    for number, line in numbered_lines(file):
        where = f"line {number}"
        if isinstance(line, Problem):
            yield WrongLine(where, line)
        elif line.strip():
            yield _caption(where, line)


def _caption(where: str, line: str) -> Line:
    label, tab, text = line.partition("\t")
    name, hash_, index = label.strip().rpartition("#")
    if tab and hash_ and name and text.strip():
        return Caption(where, name, index, text.strip())
    return WrongLine(where, problem("import.line_not_caption"))


def _table(file: BinaryIO) -> Iterator[Line]:
    rows = read_rows(file, _known)
    next(rows)  # the header
    picture, number = "", 0
    for line in map(_of_row, rows):
        if isinstance(line, Caption):
            number = number + 1 if line.picture == picture else 0
            picture = line.picture
            yield Caption(line.where, picture, str(number), line.text)
        else:
            yield line


def _of_row(row: Row) -> Line:
    if row.problem:
        return WrongLine(row.where, row.problem)
    cells = [cell.strip() for cell in row.cells]
    if len(cells) == len(COLUMNS) and all(cells):
        return Caption(row.where, cells[0], "", cells[1])
    return WrongLine(row.where, problem("import.line_not_caption/row"))

"""The rows of a CSV file: its delimiter, a `sep=` line, quotes over several lines, and what a stray quote swallowed.

A quotation mark that is never closed takes all that follows into one cell. Such a row is given up by its first line,
and the lines behind it are read again, each as the row that it is.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from workers.formats.lines import LINE_BYTES_MAX, numbered_lines
from workers.formats.problems import Problem, problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Line: TypeAlias = tuple[int, str | Problem]

DELIMITERS = (",", ";", "\t", "|")
LINE_WEIGHT = 64
"""What a line of a row takes in memory beside its characters."""

REREADS_MAX = 8
"""Times that the same lines are read again; then each is a row of its own, so that time stays in proportion."""

_SEP_LINE = re.compile(r"\"?sep=([^\"])\"?\s*", re.I)
_TO_CLOSING_QUOTE = re.compile(r'(?:[^"]++|"")*+"')
_NEVER_CLOSED = "A quotation mark opens in it that is not closed"

csv.field_size_limit(LINE_BYTES_MAX)


@dataclass(frozen=True)
class Row:
    """One row: its cells, or what is wrong with it; `where` names its lines.

    `plain`: of a workbook's cells, from 0, whose values say more than what is shown: `2026-03-01` for “1 March”.
    """

    where: str
    cells: list[str] = field(default_factory=list)
    problem: Problem | None = None
    plain: dict[int, str] = field(default_factory=dict)


class _RowTooLongError(Exception):
    """A row goes on over more lines than memory should hold."""


class _Feed:
    """Gives the CSV reader its lines, and remembers those of the row that is being read."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        self._lines = numbered_lines(file, encoding)
        self._waiting: deque[Line] = deque()
        self._rereads = 0
        self._weight = 0
        self.taken: list[Line] = []
        self.at_end = False

    def line(self) -> Line | None:
        """Return the next line of the file, None at its end."""
        return self._waiting.popleft() if self._waiting else next(self._lines, None)

    def begin_row(self) -> None:
        """Count lines from here; once all that was put back is read, it may happen again."""
        self.taken, self._weight, self.at_end = [], 0, False
        if not self._waiting:
            self._rereads = 0

    def put_back(self, lines: list[Line]) -> None:
        """Have these lines read again."""
        self._waiting.extendleft(reversed(lines))
        self._rereads += 1

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        alone = self.taken and self._rereads > REREADS_MAX
        entry = None if alone else self.line()
        if entry is None:
            self.at_end = True
            raise StopIteration
        self.taken.append(entry)
        text = entry[1] if isinstance(entry[1], str) else ""
        self._weight += len(text) + LINE_WEIGHT
        if self._weight > LINE_BYTES_MAX and len(self.taken) > 1:
            raise _RowTooLongError
        return f"{text}\n"


def read_rows(
    file: BinaryIO, known: Callable[[list[str]], int], *, delimiter: str = "", encoding: str = ""
) -> Iterator[Row]:
    """Yield the rows of a CSV file, its names of columns first; rows without anything in them are passed over.

    `known` tells how many of a line's cells are names of columns, by which the delimiter is found, unless it is given.
    `encoding`: of lines that are not UTF-8; without one such a line is refused.
    """
    feed = _Feed(file, encoding)
    found = _find_delimiter(feed, known)
    delimiter = delimiter or found
    reader = csv.reader(feed, delimiter=delimiter, strict=True)
    while True:
        feed.begin_row()
        row = _next(reader, feed, delimiter)
        if row is None:
            return
        if row.problem or any(cell.strip() for cell in row.cells):
            yield row


def cells_of(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line by itself; none where it cannot be read."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def _find_delimiter(feed: _Feed, known: Callable[[list[str]], int]) -> str:
    """Look at the first line with anything in it, which stays to be read; a `sep=` line is taken out."""
    while (entry := feed.line()) is not None:
        line = entry[1] if isinstance(entry[1], str) else "?"
        if sep := _SEP_LINE.fullmatch(line):
            return sep[1]
        if line.strip("".join(DELIMITERS) + ' "'):
            feed.put_back([entry])
            return max(DELIMITERS, key=lambda sign: (known(cells_of(line, sign)), line.count(sign)))
    return DELIMITERS[0]


def _next(reader: Iterator[list[str]], feed: _Feed, delimiter: str) -> Row | None:
    try:
        cells = next(reader)
    except StopIteration:
        return None
    except _RowTooLongError:
        too_long = problem(
            "import.line_too_long/row", limit=LINE_BYTES_MAX // 1024 // 1024, reason=_NEVER_CLOSED.lower()
        )
        return _given_up(feed, too_long, swallowed=True)
    except csv.Error as error:
        reason = "It cannot be read: write a quotation mark inside a quoted cell twice."
        swallowed = feed.at_end or _opens_a_cell(feed.taken[-1][1], delimiter)
        reason = f"{_NEVER_CLOSED}." if swallowed else f"{reason} ({error})"
        return _given_up(feed, problem("import.line_not_csv", reason=reason), swallowed=swallowed)
    for number, line in feed.taken:
        if isinstance(line, Problem):
            return Row(_where(feed), problem=Problem(line.error_id, f"Line {number}: {line.reason}"))
    return Row(_where(feed), cells)


def _given_up(feed: _Feed, problem: Problem, *, swallowed: bool) -> Row:
    """Return the row with its problem; what it `swallowed` behind its first line is read again."""
    if swallowed:
        feed.put_back(feed.taken[1:])
        del feed.taken[1:]
    return Row(_where(feed), problem=problem)


def _opens_a_cell(line: str | Problem, delimiter: str) -> bool:
    """Tell whether the first quote of a line, which closed a cell of lines before, was meant to open one."""
    if isinstance(line, Problem) or not (found := _TO_CLOSING_QUOTE.match(line)):
        return False
    at = found.end() - 1
    return at == 0 or line[at - 1] == delimiter


def _where(feed: _Feed) -> str:
    first, last = feed.taken[0][0], feed.taken[-1][0]
    return f"line {first}" if first == last else f"lines {first} to {last}"

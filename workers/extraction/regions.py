"""A sheet's cells as titles and tables: regions between empty rows, each with the names of its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers.extraction.tables import ROWS_LOOKED_AT, begins_with_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from workers.extraction.draft import Draft

    Row = dict[int, str]
    """The texts of a row's cells that are not empty, by their column."""


class SheetRegions:
    """Adds a sheet's rows to a draft as they come, with some delay: a row of names is known by those below it.

    `before_row` is called with a row's number before it is added. `headers`: rows that hold the names of these
    columns, as the file says; in a sheet without any, they are guessed.
    """

    def __init__(
        self, draft: Draft, before_row: Callable[[int], None], headers: Mapping[int, range] | None = None
    ) -> None:
        self._draft = draft
        self._before_row = before_row
        self._headers = headers or {}
        self._waiting: list[tuple[int, Row]] = []
        self._names: Row = {}
        self._unused: Row = {}
        self._in_table = False
        self._last = 0

    def add(self, number: int, row: Row) -> None:
        """Add a row by its number; empty ones need not be added."""
        row = {column: text for column, text in row.items() if text.strip()}
        if not row or number > self._last + 1:
            self.end()
        if not row:
            return
        self._last = number
        if number in self._headers:
            self.end()
            self._take_names(number, row)
        elif self._in_table:
            self._put(number, row)
        else:
            self._waiting.append((number, row))
            if len(self._waiting) > ROWS_LOOKED_AT:
                self._begin_table()

    def end(self) -> None:
        """End a region: an empty row, or the end of the sheet."""
        self._begin_table()
        self._in_table = False

    def end_sheet(self) -> None:
        """End the sheet."""
        self.end()
        self._name({})

    def _name(self, names: Row) -> None:
        """Begin with other names. Those of columns that had nothing below them are said nowhere else."""
        if self._unused:
            self._draft.row([self._unused[column] for column in sorted(self._unused)])
        self._names, self._unused = names, dict(names)

    def _take_names(self, number: int, row: Row) -> None:
        columns = self._headers[number]
        self._name({column: text for column, text in row.items() if column in columns})
        beside = {column: text for column, text in row.items() if column not in columns}
        if beside:
            self._put(number, beside)
        self._in_table = True

    def _begin_table(self) -> None:
        """Add the rows that waited: lines of one cell above a table are text."""
        waiting, self._waiting = self._waiting, []
        while waiting and len(waiting[0][1]) == 1 and not self._goes_on(waiting):
            number, row = waiting.pop(0)
            self._before_row(number)
            self._draft.text(next(iter(row.values())))
        if waiting and self._is_header(waiting):
            self._name(waiting.pop(0)[1])
        for number, row in waiting:
            self._put(number, row)
        self._in_table = self._in_table or bool(waiting)

    def _goes_on(self, rows: list[tuple[int, Row]]) -> bool:
        """Tell a column of single cells, which is a table, from a title."""
        return len(rows) > 2 and all(len(row) == 1 for _, row in rows)

    def _is_header(self, rows: list[tuple[int, Row]]) -> bool:
        """Guess whether a region begins with names. One behind an empty row may go on with those of the last."""
        if self._headers:
            return False
        columns = sorted(rows[0][1])
        if self._names and set(columns) <= set(self._names) and len(columns) < len(self._names):
            return False
        return begins_with_names([[row.get(column, "") for column in columns] for _, row in rows])

    def _put(self, number: int, row: Row) -> None:
        self._before_row(number)
        columns = sorted(row)
        for column in columns:
            self._unused.pop(column, None)
        self._draft.row(
            [row[column] for column in columns], [self._names.get(column, "") for column in columns]
        )

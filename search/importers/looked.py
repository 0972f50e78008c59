"""What the page needs of a file whose columns are to be chosen: the first rows of each table in it.

A table is JSON: `name` (of a zip, the file in it), `sheet`, `encoding`, `delimiter`, the number of `columns`, the
number of the row with their names (`header`, 0 for none), and its first rows as `[where, cells, values]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workers.formats.rows import Row

if TYPE_CHECKING:
    from collections.abc import Mapping

COLUMNS_MAX = 150
"""That a page shows."""


def rows_of(table: Mapping[str, Any]) -> list[Row]:
    """Return the first rows of a table as they were read."""
    return [
        Row(where, cells, plain={int(at): value for at, value in values.items()})
        for where, cells, values in table["rows"]
    ]

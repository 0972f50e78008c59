"""Lines of CSV that a spreadsheet can open without harm."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_FORMULA_START = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_line(cells: Iterable[Any]) -> str:
    """Return a line with its end; None is an empty cell."""
    line = io.StringIO()
    csv.writer(line).writerow([_guarded(cell) for cell in cells])
    return line.getvalue()


def _guarded(cell: Any) -> Any:
    """Keep a spreadsheet from running what somebody wrote: a text that starts a formula gets an apostrophe."""
    if cell is None or isinstance(cell, (int, float)):
        return cell
    text = str(cell)
    return f"'{text}" if text.startswith(_FORMULA_START) else text

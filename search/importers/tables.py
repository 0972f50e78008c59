"""CSV with a header: comma, semicolon or tab; `tags` and `images` separated by `|`; `metadata.key` columns."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any, BinaryIO

from retrieval_site.errors import AppError
from search.importers.fields import ALIASES, KNOWN, item_from
from search.importers.lines import LINE_BYTES_MAX, numbered_lines
from search.importers.types import Item, Problem, Rejected, rejected
from workers.inference.bounded_json import JsonError, JsonTooDeepError, load_json

if TYPE_CHECKING:
    from collections.abc import Iterator

SEPARATOR = "|"
METADATA_PREFIX = "metadata."
_DELIMITERS = (",", ";", "\t")
_LISTS = ("tags", "images")

csv.field_size_limit(LINE_BYTES_MAX)


class _RowTooLongError(Exception):
    """A row goes on over more lines than memory should hold."""


class _Lines:
    """Feeds the CSV reader, and remembers which physical line was no text; call `begin_row` before each row."""

    def __init__(self, file: BinaryIO) -> None:
        self._lines = numbered_lines(file)
        self._row_characters = 0
        self.number = 0
        self.problem: Problem | None = None

    def begin_row(self) -> None:
        """Count the row's characters from here."""
        self._row_characters = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        self.number, line = next(self._lines)
        if isinstance(line, Problem):
            self.problem = Problem(line.error_id, f"Line {self.number}: {line.reason}")
            return "\n"
        self._row_characters += len(line)
        if self._row_characters > LINE_BYTES_MAX:
            raise _RowTooLongError
        return f"{line}\n"


def read_csv(file: BinaryIO) -> Iterator[Item]:
    """Yield one item per row. Raises AppError `import.*` for a header that no row can be read with."""
    lines = _Lines(file)
    first = next(lines, "")
    header = _header(first, lines.problem)
    rows = csv.reader(lines, delimiter=_delimiter(first), strict=True)
    while True:
        start = lines.number + 1
        lines.begin_row()
        try:
            row = next(rows)
        except StopIteration:
            return
        except _RowTooLongError:
            reason = f"The row is longer than {LINE_BYTES_MAX // 1024 // 1024} MB."
            yield rejected(f"line {start}", "import.line_too_long", reason)
            continue
        except csv.Error as error:
            yield rejected(f"line {start}", "import.line_not_csv", f"The row cannot be read: {error}.")
            continue
        problem, lines.problem = lines.problem, None
        if problem:
            yield Rejected(f"line {start}", (problem,))
        elif row:
            yield _item(f"line {start}", header, row)


def _delimiter(line: str) -> str:
    return max(_DELIMITERS, key=line.count)


def _header(line: str, problem: Problem | None) -> list[str]:
    if problem:
        raise AppError(problem.error_id, problem.reason, detail={"line": 1})
    try:
        names = [name.strip() for name in next(csv.reader([line], delimiter=_delimiter(line)), [])]
    except csv.Error as error:
        message = f"Line 1 cannot be read as the names of columns: {error}."
        raise AppError("import.line_not_csv", message, detail={"line": 1}) from error
    known = [ALIASES.get(name.lower(), name) for name in names]
    known = [name if name.startswith(METADATA_PREFIX) else name.lower() for name in known]
    for name in known:
        if name not in KNOWN and not name.startswith(METADATA_PREFIX):
            message = (
                f"Line 1: the column “{name[:60]}” is no field of a document. Known are {', '.join(KNOWN)} and "
                f"“{METADATA_PREFIX}…” for what is your own."
            )
            raise AppError("import.unknown_field", message, detail={"line": 1, "column": name})
    if "external_id" not in known:
        message = "Line 1: there is no column “external_id”."
        raise AppError("import.missing_external_id", message, detail={"line": 1})
    if len(set(known)) < len(known):
        raise AppError("import.column_twice", "Line 1: a column is named twice.", detail={"line": 1})
    return known


def _item(where: str, header: list[str], row: list[str]) -> Item:
    if len(row) != len(header):
        reason = f"The row has {len(row)} cells, but the header has {len(header)}."
        return rejected(where, "import.wrong_cell_count", reason)
    values: dict[str, Any] = {"metadata": {}}
    for name, cell in zip(header, row, strict=True):
        if name.startswith(METADATA_PREFIX):
            values["metadata"].update({name.removeprefix(METADATA_PREFIX): cell} if cell else {})
        elif name == "metadata":
            problem = _read_metadata(cell, values["metadata"])
            if problem:
                return Rejected(where, (problem,))
        else:
            values[name] = _cell(name, cell)
    return item_from(where, values)


def _cell(name: str, cell: str) -> str | list[str]:
    if name not in _LISTS:
        return cell
    return [part.strip() for part in cell.split(SEPARATOR) if part.strip()]


def _read_metadata(cell: str, into: dict[str, Any]) -> Problem | None:
    if not cell.strip():
        return None
    try:
        values = load_json(cell)
    except JsonTooDeepError as error:
        return Problem("import.too_deep", f"“metadata” cannot be read: {error}.")
    except JsonError as error:
        return Problem("import.field_wrong_type", f"“metadata” must be a JSON object: {error}.")
    if not isinstance(values, dict):
        return Problem("import.field_wrong_type", "“metadata” must be a JSON object.")
    into.update(values)
    return None

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


class _Lines:
    """Feeds the CSV reader, and remembers which physical line was no text."""

    def __init__(self, file: BinaryIO) -> None:
        self._lines = numbered_lines(file)
        self.number = 0
        self.problem: Problem | None = None

    def __iter__(self) -> Iterator[str]:
        for number, line in self._lines:
            self.number = number
            if isinstance(line, Problem):
                self.problem = Problem(line.error_id, f"Line {number}: {line.reason}")
                yield "\n"
            else:
                yield f"{line}\n"


def read_csv(file: BinaryIO) -> Iterator[Item]:
    """Yield one item per row. Raises AppError `import.*` for a header that no row can be read with."""
    lines = _Lines(file)
    source = iter(lines)
    first = next(source, "")
    header = _header(first, lines.problem)
    rows = csv.reader(source, delimiter=_delimiter(first), strict=True)
    while True:
        start = lines.number + 1
        try:
            row = next(rows)
        except StopIteration:
            return
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
    names = [name.strip() for name in next(csv.reader([line], delimiter=_delimiter(line)), [])]
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

"""A table read a row a document, by a mapping of its columns."""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retrieval_site.errors import AppError
from search.filters.values import METADATA
from search.importers.cells import boolean_in, date_in, number_in
from search.importers.fields import item_from
from search.importers.mapping import (
    COLUMNS_MAX,
    LISTS,
    MappedColumn,
    TableMapping,
    is_metadata,
    names_in,
    plain_name,
)
from search.importers.metadata_cells import metadata_in
from search.importers.types import Item, Reading, Rejected, rejected
from workers.formats.problems import Problem, problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workers.formats.rows import Row

SEPARATOR = "|"
NAMES_TOLD_MAX = 20
VALUE_SHOWN = 60
_BETWEEN = {"external_id": "-", "body": "\n\n"}
_WANTED = {"number": "number", "date": "date", "boolean": "yes or no"}
_KEYS = {"date": "created", "language": "language"}
"""Of the metadata, as documents' files have them."""


@dataclass(frozen=True)
class PlacedColumn:
    """A column of the mapping, and where it is in the table, from 0."""

    at: int
    column: MappedColumn


def read_mapped(
    rows: Iterator[Row], mapping: TableMapping, reading: Reading, *, padded: bool = False
) -> Iterator[Item]:
    """Yield one item per row. Raises AppError `import.mapping_columns`, `import.too_many_columns`.

    `padded`: rows end with their last cell that has anything in it, as those of sheets do.
    """
    first = list(itertools.islice(rows, mapping.header or 1))
    names = names_in(first, mapping.header)
    if not names and first and first[-1].problem:
        raise AppError.quoting(first[-1].problem.error_id, first[-1].problem.reason)
    if not first:
        return
    columns = placed_columns(names, mapping)
    columns += _others(names, mapping, reading)
    reading.use(mapping, names)
    least = 0 if padded else len(names)
    for row in rows if mapping.header else itertools.chain(first, rows):
        surplus = any(cell.strip() for cell in row.cells[len(names) :])
        if surplus and padded:  # a note beside the table
            reading.ignore([f"column {len(names) + 1}"])
            surplus = False
        if row.problem:
            yield Rejected(row.where, (row.problem,))
        elif surplus or len(row.cells) < least:
            found, wanted = len(row.cells), len(names)
            yield rejected(row.where, "import.wrong_cell_count", found=found, wanted=wanted)
        else:
            yield item_of_row(row, columns, reading)


def placed_columns(names: Sequence[str], mapping: TableMapping) -> list[PlacedColumn]:
    """Return where the mapping's columns are. Raises AppError `import.mapping_columns`, `import.too_many_columns`."""
    if len(names) > COLUMNS_MAX:
        raise AppError("import.too_many_columns", limit=COLUMNS_MAX)
    at = {plain_name(name): number for number, name in enumerate(names)}
    missing = [one.column[:60] for one in mapping.columns if plain_name(one.column) not in at]
    if missing:
        told = [name[:60] for name in names[:NAMES_TOLD_MAX]]
        raise AppError("import.mapping_columns", missing=missing[:NAMES_TOLD_MAX], columns=told)
    return [PlacedColumn(at[plain_name(one.column)], one) for one in mapping.columns if one.field]


def _others(names: Sequence[str], mapping: TableMapping, reading: Reading) -> list[PlacedColumn]:
    """Return the columns that the mapping does not name, where they are kept as metadata; else they are left out."""
    used = {plain_name(one.column) for one in mapping.columns}
    others = [(at, name) for at, name in enumerate(names) if plain_name(name) not in used]
    if reading.extra_columns == "metadata":
        return [PlacedColumn(at, MappedColumn(column=name, field=f"{METADATA}{name}")) for at, name in others]
    reading.ignore(name for _, name in others)
    return []


def item_of_row(row: Row, columns: Sequence[PlacedColumn], reading: Reading) -> Item:
    """Return the document of a row, or what is wrong with it."""
    problems: list[Problem] = []
    values = _values(row, columns, problems)
    if problems:
        return Rejected(row.where, tuple(problems))
    return item_from(row.where, values, reading)


def _values(row: Row, columns: Sequence[PlacedColumn], problems: list[Problem]) -> dict[str, Any]:
    """Return what the row says as values of a document's fields."""
    texts: dict[str, list[str]] = {}
    values: dict[str, Any] = {"metadata": {}, **{name: [] for name in LISTS}}
    for one in columns:
        shown = row.cells[one.at].strip() if one.at < len(row.cells) else ""
        if not shown:
            continue
        field = one.column.field
        if field in LISTS:
            values[field] += _parts(shown, one.column.separator or SEPARATOR)
        elif is_metadata(field) or field in _KEYS or field == "metadata":
            _take_metadata(one.column, shown, row.plain.get(one.at, shown), values["metadata"], problems)
        else:
            texts.setdefault(field, []).append(
                f"{one.column.column}: {shown}" if one.column.with_name else shown
            )
    values |= {field: _BETWEEN.get(field, " ").join(parts) for field, parts in texts.items()}
    if not any(one.column.field == "external_id" for one in columns):
        values["external_id"] = id_of_content(row)
    return values


def id_of_content(row: Row) -> str:
    """Return the external id of a row that has none of its own: the same cells have the same."""
    cells = [cell.strip() for cell in row.cells]
    while cells and not cells[-1]:
        cells.pop()
    return f"row-{hashlib.sha256(json.dumps(cells).encode()).hexdigest()[:24]}"


def _parts(text: str, separator: str) -> list[str]:
    return [part.strip() for part in text.split(separator) if part.strip()]


def _take_metadata(
    column: MappedColumn, shown: str, plain: str, metadata: dict[str, Any], problems: list[Problem]
) -> None:
    if column.field == "metadata":
        metadata_in(shown, metadata, problems)
        return
    key = _KEYS.get(column.field) or column.field.removeprefix(METADATA)
    kind = "date" if column.field == "date" else column.type
    text = shown if kind == "string" else plain
    parts = _parts(text, column.separator) if column.separator else [text]
    found = [_typed(kind, part, column) for part in parts]
    for part, value in zip(parts, found, strict=True):
        if value is None:
            shown_value = part[:VALUE_SHOWN]
            wanted = _WANTED[kind]
            problems.append(
                problem("import.cell_wrong_type", value=shown_value, column=column.column, wanted=wanted)
            )
            return
    former = metadata.get(key, [])
    several = [*(former if isinstance(former, list) else [former]), *found]
    metadata[key] = several if len(several) > 1 else several[0]


def _typed(kind: str, text: str, column: MappedColumn) -> Any:
    """Return a cell's value; None where it is not of the type."""
    if kind == "number":
        plain = number_in(text, column.decimal)
        return plain if plain is not None else number_in(text)
    if kind == "date":
        return date_in(text, column.dates)
    return boolean_in(text) if kind == "boolean" else text

"""CSV with a header: one document a row; `tags` and `images` separated by `|`; `metadata.key` columns."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from retrieval_site.errors import AppError
from search.importers.fields import ALIASES, KNOWN, item_from
from search.importers.metadata_cells import metadata_in
from search.importers.types import Item, Rejected, rejected
from workers.formats.problems import Problem, problem
from workers.formats.rows import read_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from search.importers.types import Reading
    from workers.formats.rows import Row

SEPARATOR = "|"
METADATA_PREFIX = "metadata."
NAMES_TOLD_MAX = 20
_LISTS = ("tags", "images")


@dataclass(frozen=True)
class _Column:
    """What a column's cells become: `field` is a field's name, `metadata.key`, or empty for what is left out.

    Of a column without a name, `number` says which it is, and it may be empty all the way down.
    """

    field: str
    number: int = 0


def read_csv(file: BinaryIO, reading: Reading) -> Iterator[Item]:
    """Yield one item per row. Raises AppError `import.*` for a first line that no row can be read with."""
    rows = read_rows(file, known_columns)
    header = next(rows, None)
    if header is None:
        return
    columns = _columns(header, reading)
    for row in rows:
        yield Rejected(row.where, (row.problem,)) if row.problem else _item(row, columns, reading)


def known_columns(names: list[str]) -> int:
    """Return how many of these names are columns that are read here."""
    return sum(_is_known(_field(name)) for name in names)


def names_its_documents(names: list[str]) -> bool:
    """Tell whether these columns are those of a table of documents."""
    return "external_id" in map(_field, names)


def _field(name: str) -> str:
    """Return what a column's name means: `External ID` is external_id, `text` is body."""
    name = name.strip().strip("\ufeff")
    plain = re.sub(r"[\s_-]+", "_", name.lower())
    if ALIASES.get(plain, plain) in KNOWN:
        return ALIASES.get(plain, plain)
    prefix, _, key = name.partition(".")
    return f"{METADATA_PREFIX}{key.strip()}" if prefix.strip().lower() == "metadata" and key.strip() else name


def _is_known(field: str) -> bool:
    return field in KNOWN or field.startswith(METADATA_PREFIX)


def _columns(header: Row, reading: Reading) -> list[_Column]:
    if header.problem:
        sentence = f"The names of columns: {header.problem.reason}"
        raise AppError.quoting(header.problem.error_id, sentence)
    fields = [_field(name) for name in header.cells]
    if not any(map(_is_known, fields)):
        raise no_table(header.cells)
    extra = [field for field in fields if field and not _is_known(field)]
    if extra and reading.extra_columns == "refuse":
        raise _unknown(header.where, extra)
    if reading.extra_columns == "ignore":
        reading.ignore(extra)
    columns = [_column(field, number, reading) for number, field in enumerate(fields, start=1)]
    _check(header.where, [column.field for column in columns if column.field])
    return columns


def no_table(names: list[str]) -> AppError:
    """Return the refusal of a text whose first line names no column of a document."""
    shown = [name.strip()[:60] for name in names[:3]]
    return AppError(
        "import.format_unknown/text", found="text", names=shown, known=list(KNOWN), prefix=METADATA_PREFIX
    )


def _unknown(where: str, extra: list[str]) -> AppError:
    names = [name[:60] for name in extra[:NAMES_TOLD_MAX]]
    return AppError(
        "import.unknown_field/columns",
        line=int(where.split()[1]),
        count=len(extra),
        columns=names,
        known=list(KNOWN),
        example=f"{METADATA_PREFIX}{names[0]}",
        extra_columns=["metadata", "ignore"],
    )


def _column(field: str, number: int, reading: Reading) -> _Column:
    if not field:
        kept = f"{METADATA_PREFIX}column_{number}" if reading.extra_columns == "metadata" else ""
        return _Column(kept, number)
    if _is_known(field):
        return _Column(field)
    return _Column(f"{METADATA_PREFIX}{field}" if reading.extra_columns == "metadata" else "")


def _check(where: str, fields: list[str]) -> None:
    if "external_id" not in fields:
        raise AppError(
            "import.missing_external_id/column", where=where.capitalize(), line=int(where.split()[1])
        )
    twice = [field[:60] for field, count in Counter(fields).items() if count > 1][:NAMES_TOLD_MAX]
    if twice:
        raise AppError("import.column_twice", where=where.capitalize(), columns=twice)


def _item(row: Row, columns: list[_Column], reading: Reading) -> Item:
    surplus = row.cells[len(columns) :]
    if len(row.cells) < len(columns) or any(cell.strip() for cell in surplus):
        return rejected(row.where, "import.wrong_cell_count", found=len(row.cells), wanted=len(columns))
    values: dict[str, Any] = {"metadata": {}}
    problems: list[Problem] = []
    for column, cell in zip(columns, row.cells, strict=False):
        if column.field:
            _take(column.field, cell, values, problems)
        elif column.number and cell.strip():
            _unnamed(column.number, reading, problems)
    return Rejected(row.where, tuple(problems)) if problems else item_from(row.where, values, reading)


def _unnamed(number: int, reading: Reading, problems: list[Problem]) -> None:
    if reading.extra_columns == "ignore":
        reading.ignore([f"column {number}"])
        return
    problems.append(problem("import.unknown_field/unnamed", number=number))


def _take(field: str, cell: str, values: dict[str, Any], problems: list[Problem]) -> None:
    if field.startswith(METADATA_PREFIX):
        values["metadata"].update({field.removeprefix(METADATA_PREFIX): cell} if cell else {})
    elif field == "metadata":
        metadata_in(cell, values["metadata"], problems)
    elif field in _LISTS:
        values[field] = [part.strip() for part in cell.split(SEPARATOR) if part.strip()]
    else:
        values[field] = cell

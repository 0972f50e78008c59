"""Which column of a table becomes what of a document: as people say it, as JSON, and kept by collection."""

from __future__ import annotations

import codecs
import hashlib
import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from retrieval_site.errors import AppError
from retrieval_site.typed_json import NotReadableError, from_json, to_json
from search.filters.values import METADATA, is_metadata_field
from search.importers.names import name_once

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workers.formats.rows import Row

COLUMNS_MAX = 16_384
"""As many as a sheet of Excel has."""
NAME_MAX = 200
HEADER_MAX = 50
NAMES_WITHIN = 10
"""Of so many first rows any may have the names of a kept mapping's columns."""
SHEETS_MAX = 200
SEPARATOR_MAX = 5
LISTS = ("tags", "images")
FIELDS = ("external_id", "title", "body", "url", *LISTS, "date", "language", "metadata", "")
DELIMITERS = ("", ",", ";", "\t", "|")

ColumnType: TypeAlias = Literal["string", "number", "date", "boolean"]
DateOrder: TypeAlias = Literal["dmy", "mdy"]
DecimalSign: TypeAlias = Literal[".", ","]


@dataclass(frozen=True, kw_only=True)
class MappedColumn:
    """What one column becomes.

    `field`: `external_id`, `title`, `body`, `url`, `tags`, `images`, `date`, `language`, `metadata.NAME`, `metadata` (a
    JSON object), or nothing: then it is left out. `with_name`: in a body, the column's name stands before the text.
    `separator`: of several values in a cell; tags and pictures have `|` without one. `type`: of metadata.
    `dates`: whether 3/4/2026 is in April or in March. `decimal`: the sign before the decimals.
    """

    column: str
    field: str = ""
    with_name: bool = False
    separator: str = ""
    type: ColumnType = "string"
    dates: DateOrder = "dmy"
    decimal: DecimalSign = "."


@dataclass(frozen=True, kw_only=True)
class TableMapping:
    """What the columns of a table become, each known by its name.

    `header`: which row with anything in it has the names, from 1; 0 where none has: the columns are then called
    `column 1`, `column 2` and so on. `sheets`: of a workbook, those that are read; without any, all that have these
    columns. `encoding`: of a text that is not in Unicode; `delimiter`: of CSV; both are found where they are empty.
    """

    columns: tuple[MappedColumn, ...]
    header: int = 1
    sheets: tuple[str, ...] = ()
    encoding: str = ""
    delimiter: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, as `read_mapping` reads them."""
        values: dict[str, Any] = to_json(self)
        return values

    def of_columns(self, names: Sequence[str]) -> TableMapping:
        """Return the mapping of a table that has just these columns: those that it does not name are left out."""
        named = {plain_name(one.column) for one in self.columns}
        others = (MappedColumn(column=name) for name in names if plain_name(name) not in named)
        return replace(self, columns=(*self.columns, *others))

    def of_table(self, first_rows: Sequence[Row]) -> TableMapping | None:
        """Return the mapping for a table that begins with these rows; None where it has other columns.

        Their names may stand in another row than in the table that the mapping was made for.
        """
        key = columns_key([one.column for one in self.columns])
        rows = (self.header, *range(1, NAMES_WITHIN + 1)) if self.header else ()
        found = next((row for row in rows if columns_key(names_in(first_rows, row)) == key), 0)
        return replace(self, header=found) if found else None

    def is_covered_by(self, first_rows: Sequence[Row]) -> bool:
        """Return whether a table that begins with these rows has all the columns that the mapping names."""
        names = set(map(plain_name, names_in(first_rows, self.header)))
        return all(plain_name(one.column) in names for one in self.columns)


def read_mapping(values: Any) -> TableMapping:
    """Return a mapping from JSON values. Raises AppError `import.mapping_invalid`."""
    try:
        mapping = from_json(TableMapping, values)
    except NotReadableError as error:
        raise _invalid(str(error).removesuffix(".")[:300]) from None
    if reason := _wrong(mapping) or next(filter(None, map(_wrong_column, mapping.columns)), ""):
        raise _invalid(reason)
    return mapping


def mapping_from_text(text: str | bytes) -> TableMapping:
    """Return a mapping from a JSON text, or its bytes in Unicode. Raises AppError `import.mapping_invalid`."""
    try:
        return read_mapping(json.loads(text))
    except (ValueError, RecursionError):
        raise _invalid("it is no JSON") from None


def _invalid(reason: str) -> AppError:
    return AppError("import.mapping_invalid", reason=reason)


def _wrong(mapping: TableMapping) -> str:
    fields = Counter(one.field for one in mapping.columns)
    twice = [
        one for one, count in Counter(plain_name(c.column) for c in mapping.columns).items() if count > 1
    ]
    if len(mapping.columns) > COLUMNS_MAX or not mapping.columns:
        return f"it names from 1 to {COLUMNS_MAX} columns"
    if not _is_storable(json.dumps(mapping.to_json(), ensure_ascii=False)):
        return "it has characters that no text has"
    if twice:
        return f"it names the column “{twice[0][:60]}” twice"
    if not any(fields[name] for name in ("title", "body", "images")):
        return "no column becomes a title, a body or a picture"
    if mapping.header not in range(HEADER_MAX + 1):
        return f"header is from 0 to {HEADER_MAX}"
    if len(mapping.sheets) > SHEETS_MAX:
        return f"it names more than {SHEETS_MAX} sheets"
    return _wrongly_written(mapping.delimiter, mapping.encoding)


def check_how_written(delimiter: str, encoding: str) -> None:
    """Raise AppError `import.mapping_invalid` for what is no delimiter or encoding."""
    if reason := _wrongly_written(delimiter, encoding):
        raise _invalid(reason)


def _wrongly_written(delimiter: str, encoding: str) -> str:
    if delimiter not in DELIMITERS:
        return "delimiter is a comma, a semicolon, a tab, a vertical bar or nothing"
    return "" if _is_encoding(encoding) else f"“{encoding[:40]}” is no encoding of texts"


def _is_storable(text: str) -> bool:
    """Tell a text that a database keeps: without NUL and halves of surrogate pairs."""
    return "\\u0000" not in text and text == text.encode(errors="replace").decode()


def _is_encoding(name: str) -> bool:
    """Tell an encoding whose lines end with the byte that ends them in ASCII, and that reads any bytes."""
    if not name:
        return True
    try:
        known = codecs.lookup(name).name
        b"\xff".decode(known, errors="replace")  # some of Python's codecs, such as idna, replace nothing
        return name.isascii() and "a\n".encode(known) == b"a\n"
    except (LookupError, ValueError, TypeError):
        return False


def _wrong_column(one: MappedColumn) -> str:
    name = one.column[:60]
    if len(one.column) > NAME_MAX:
        return f"a column's name has up to {NAME_MAX} characters"
    if one.field not in FIELDS and not is_metadata_field(one.field):
        return f"“{one.field[:60]}”, which the column “{name}” should become, is no field of a document"
    return f"the separator of “{name}” is too long" if len(one.separator) > SEPARATOR_MAX else ""


def is_metadata(field: str) -> bool:
    """Tell a key of metadata."""
    return field.startswith(METADATA)


def names_in(rows: Sequence[Row], header: int) -> list[str]:
    """Return the columns' names in a table's first rows, each once; none where the row is not there.

    A second “Name” is “Name (2)”; a column without a name is called by its number, as all are where `header` is 0.
    """
    if not header:
        width = max((len(row.cells) for row in rows), default=0)
        return [f"column {number}" for number in range(1, width + 1)]
    if len(rows) < header or rows[header - 1].problem:
        return []
    return names_once(rows[header - 1].cells)


def names_once(cells: Sequence[str]) -> list[str]:
    """Return names of columns, told apart where two are the same."""
    seen: dict[str, int] = {}
    names = []
    for number, cell in enumerate(cells, start=1):
        name = " ".join(cell.replace("\ufeff", "").split())[: NAME_MAX - 10] or f"column {number}"
        names.append(name_once(name, seen))
    while len(names) > 1 and not cells[len(names) - 1].strip():
        names.pop()  # empty cells behind the last column
    return names


def plain_name(name: str) -> str:
    """Return what is the same of names that differ in case and spaces only."""
    return " ".join(name.split()).casefold()


def columns_key(names: Sequence[str]) -> str:
    """Return what is the same for tables that have the same columns, in whichever order."""
    text = json.dumps(sorted(map(plain_name, names)), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class KeptMappings:
    """The mappings that a collection keeps; `said`: the one that was given with the file, which goes first."""

    kept: tuple[TableMapping, ...] = ()
    said: TableMapping | None = None

    def __bool__(self) -> bool:
        return bool(self.said or self.kept)

    def of(self, first_rows: Sequence[Row]) -> TableMapping | None:
        """Return the mapping of a table that begins with these rows; None where there is none."""
        if self.said is not None:
            return self.said
        found = (one.of_table(first_rows) for one in self.kept)
        return next(filter(None, found), None)

    @property
    def fingerprint(self) -> str:
        """What changes when they do; empty without any."""
        values = [one.to_json() for one in self.kept]
        text = json.dumps(values, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12] if values else ""


NO_MAPPINGS = KeptMappings()


def kept_mappings(rows: Sequence[Mapping[str, Any]], said: Any = None) -> KeptMappings:
    """Return mappings from their JSON; one that an older version wrote otherwise is passed over."""
    found = []
    for values in rows:
        try:
            found.append(read_mapping(values))
        except AppError:
            continue
    return KeptMappings(tuple(found), None if said is None else read_mapping(said))

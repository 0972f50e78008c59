"""The form of the page where columns are mapped: filled in by guesses or a mapping, and read back as one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from retrieval_site.errors import AppError
from retrieval_site.languages.lazy import gettext_lazy
from search.filters.values import METADATA
from search.importers.guessing import guessed_columns, key_of
from search.importers.looked import rows_of
from search.importers.mapped import item_of_row, placed_columns
from search.importers.mapping import (
    MappedColumn,
    TableMapping,
    names_in,
    plain_name,
    read_mapping,
)
from search.importers.types import Reading, Record
from search.views.cards import facts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from search.importers.types import Item
    from workers.formats.rows import Row

OWN = "own"
FIELDS = (
    ("", gettext_lazy("left out")),
    ("title", gettext_lazy("title")),
    ("body", gettext_lazy("text")),
    ("external_id", gettext_lazy("external id: its own number or name")),
    ("url", gettext_lazy("address of the original (URL)")),
    ("tags", gettext_lazy("tags")),
    ("images", gettext_lazy("pictures, by the names of their files")),
    ("date", gettext_lazy("date")),
    ("language", gettext_lazy("language")),
    (OWN, gettext_lazy("field of the metadata")),
    ("metadata", gettext_lazy("metadata as a JSON object")),
)
TYPES = (
    ("string", gettext_lazy("text")),
    ("number", gettext_lazy("number, such as 1,234.5")),
    ("number,", gettext_lazy("number, such as 1.234,5")),
    ("date", gettext_lazy("date, day before month")),
    ("date/", gettext_lazy("date, month before day")),
    ("boolean", gettext_lazy("yes or no")),
)
DELIMITERS = (
    (",", gettext_lazy("comma")),
    (";", gettext_lazy("semicolon")),
    ("\t", gettext_lazy("tab")),
    ("|", gettext_lazy("vertical bar")),
)
ENCODINGS = (
    ("cp1252", gettext_lazy("Western European (Windows-1252)")),
    ("cp1250", gettext_lazy("Central European (Windows-1250)")),
    ("cp1251", gettext_lazy("Cyrillic (Windows-1251)")),
    ("cp1253", gettext_lazy("Greek (Windows-1253)")),
    ("cp1254", gettext_lazy("Turkish (Windows-1254)")),
    ("cp850", gettext_lazy("DOS (850)")),
    ("mac_roman", gettext_lazy("Macintosh")),
    ("cp932", gettext_lazy("Japanese (Shift JIS)")),
    ("gb18030", gettext_lazy("Chinese (GB 18030)")),
    ("big5", gettext_lazy("Chinese (Big5)")),
    ("cp949", gettext_lazy("Korean (949)")),
)
SAMPLES, SAMPLE_CHARACTERS, PREVIEWED = 3, 80, 5


@dataclass(frozen=True)
class ColumnRow:
    """A column as the form shows it: its number from 0, its name, some of its cells, and what it becomes."""

    at: int
    name: str
    samples: list[str]
    column: MappedColumn

    @property
    def field(self) -> str:
        """The choice among `FIELDS`."""
        return OWN if self.column.field.startswith(METADATA) else self.column.field

    @property
    def key(self) -> str:
        """The key in the metadata, as it is or would be."""
        return self.column.field.removeprefix(METADATA) if self.field == OWN else key_of(self.name)

    @property
    def type(self) -> str:
        """The choice among `TYPES`."""
        column = self.column
        kind = "date" if column.field == "date" else column.type
        if kind == "number" and column.decimal == ",":
            return "number,"
        return "date/" if kind == "date" and column.dates == "mdy" else kind


@dataclass(frozen=True)
class MappingForm:
    """What is chosen: the row of the names, what each column becomes, and whether only this table is read."""

    header: int
    columns: list[ColumnRow]
    only: bool = False
    is_kept: bool = False

    @classmethod
    def guessed(cls, table: Mapping[str, Any], header: int | None = None) -> MappingForm:
        """Return the form filled in by guesses."""
        rows, number = rows_of(table), table["header"] if header is None else header
        columns = guessed_columns(rows, number, with_pictures=bool(table["name"]))
        return cls(number, _columns(rows, number, columns))

    @classmethod
    def of_mapping(
        cls, mapping: TableMapping, table: Mapping[str, Any], *, is_kept: bool = False
    ) -> MappingForm:
        """Return the form filled in as a mapping says."""
        rows = rows_of(table)
        by_name = {plain_name(one.column): one for one in mapping.columns}
        names = names_in(rows, mapping.header)
        columns = [by_name.get(plain_name(name), MappedColumn(column=name)) for name in names]
        return cls(mapping.header, _columns(rows, mapping.header, columns), bool(mapping.sheets), is_kept)

    @classmethod
    def of_post(cls, posted: Mapping[str, str], table: Mapping[str, Any]) -> MappingForm:
        """Return what somebody filled in; where another row has the names now, the columns are guessed anew."""
        header, rows = _row_number(posted.get("header", ""), table), rows_of(table)
        if posted.get("header") != posted.get("header-was"):
            return replace(cls.guessed(table, header), only="only" in posted)
        columns = [_column(posted, at, name) for at, name in enumerate(names_in(rows, header))]
        return cls(header, _columns(rows, header, columns), "only" in posted)

    def mapping(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """Return the mapping as JSON. Raises AppError `import.mapping_invalid`."""
        found = TableMapping(
            columns=tuple(row.column for row in self.columns),
            header=self.header,
            sheets=(table["sheet"],) if self.only and table["sheet"] else (),
            encoding=table["encoding"],
            delimiter=table["delimiter"],
        )
        return read_mapping(found.to_json()).to_json()


def _row_number(text: str, table: Mapping[str, Any]) -> int:
    most = len(table["rows"])
    return (
        min(int(text), most) if text.isascii() and text.isdigit() and len(text) < 4 else int(table["header"])
    )


def _column(posted: Mapping[str, str], at: int, name: str) -> MappedColumn:
    field, kind = posted.get(f"field-{at}", ""), posted.get(f"type-{at}", "string")
    key = posted.get(f"name-{at}", "").strip() or key_of(name)
    found = MappedColumn(
        column=name,
        field=f"{METADATA}{key}" if field == OWN else field,
        with_name=field == "body" and f"with-name-{at}" in posted,
        separator=posted.get(f"separator-{at}", "").strip() if field in ("tags", "images", OWN) else "",
    )
    if field not in (OWN, "date"):
        return found
    plain: Any = kind.rstrip(",/")
    dates: Any = "mdy" if kind.endswith("/") else "dmy"
    return replace(found, type=plain, decimal="," if kind.endswith(",") else ".", dates=dates)


def _columns(rows: Sequence[Row], header: int, columns: Sequence[MappedColumn]) -> list[ColumnRow]:
    below = rows[header:]
    return [ColumnRow(at, one.column, _samples(below, at), one) for at, one in enumerate(columns)]


def _samples(rows: Sequence[Row], at: int) -> list[str]:
    cells = (row.cells[at].strip() for row in rows if at < len(row.cells))
    return [cell[:SAMPLE_CHARACTERS] for cell in dict.fromkeys(cells) if cell][:SAMPLES]


def preview_of(
    form: MappingForm, rows: Sequence[Row]
) -> list[tuple[Item, Record | None, list[tuple[str, str]]]]:
    """Return what the first rows become with what their metadata say, or what is wrong with them.

    Nothing where no document would come of any.
    """
    mapping = TableMapping(columns=tuple(row.column for row in form.columns), header=form.header)
    try:
        mapping = read_mapping(mapping.to_json())
        columns = placed_columns(names_in(rows, form.header), mapping)
    except AppError:
        return []
    items = [item_of_row(row, columns, Reading()) for row in rows[form.header :][:PREVIEWED]]
    return [
        (item, item, list(facts(item.fields.metadata))) if isinstance(item, Record) else (item, None, [])
        for item in items
    ]

"""What the columns of a table are, guessed from their names (English, German, Latin) and from what is in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from search.filters.values import METADATA
from search.importers.cells import boolean_in, date_in, number_in
from search.importers.mapping import MappedColumn, names_in, plain_name
from search.importers.pictures import PICTURE_SUFFIXES
from search.importers.tables import known_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from search.importers.mapping import ColumnType, DateOrder, DecimalSign
    from workers.formats.rows import Row

NAMES = {
    "external_id": (
        "external id", "id", "nr", "no", "number", "nummer", "key", "code", "sku", "kennung", "schlüssel", "signatur",
        "signature", "signatura", "numerus", "inventarnummer", "inventarnr", "inventar nr", "inv nr",
        "artikelnummer", "artikelnr",
        "art nr", "teilenummer", "teilenr", "part number", "part no", "item number", "accession number", "call number",
        "bestellnummer", "dokumentnummer", "identifier",
    ),
    "title": (
        "title", "titel", "titulus", "name", "nomen", "bezeichnung", "benennung", "überschrift", "heading", "headline",
        "betreff", "subject line", "artikel", "kurztext", "objekt", "produkt", "product",
    ),
    "body": (
        "body", "text", "textus", "beschreibung", "description", "descriptio", "inhalt", "content", "contents",
        "abstract", "summary", "zusammenfassung", "bemerkung", "bemerkungen", "anmerkung", "notiz", "notizen", "note",
        "notes", "nota", "comment", "comments", "kommentar", "langtext", "hinweis", "caption", "bildunterschrift",
    ),
    "url": ("url", "uri", "link", "website", "webseite", "web", "href", "internetadresse"),
    "tags": (
        "tags", "tag", "schlagwort", "schlagworte", "schlagwörter", "stichwort", "stichworte", "stichwörter", "keyword",
        "keywords", "subjects", "themen", "topics", "kategorie", "kategorien", "category", "categories", "verba",
    ),
    "images": (
        "images", "image", "bild", "bilder", "picture", "pictures", "photo", "photos", "foto", "fotos", "abbildung",
        "imago", "imagines", "bilddatei", "image file", "dateiname", "filename", "file name", "datei", "file",
    ),
    "date": ("date", "datum", "dies", "created", "erstellt", "created at", "erstellt am", "entstanden", "datierung"),
    "language": ("language", "sprache", "lang", "lingua"),
}  # fmt: skip
"""By field, as they are written in small letters without signs."""
LONG_TEXT, SHORT_TEXT = 60, 200
HEADER_WITHIN = 10
NAME_LENGTH_MAX = 60
_SIGNS = re.compile(r"[\s._:#*/()\-]+")
_MONTH_FIRST = re.compile(r"\d{1,2}/(1[3-9]|2\d|3[01])/\d{2,4}")
_COMMA = re.compile(r"\d+,\d{1,2}|\d+,\d{4,}|\d{1,3}(\.\d{3})+(,\d+)?")
_ID = re.compile(r"\S{1,40}")
_TAGS = re.compile(r"[^;|]{1,40}([;|]\s?[^;|]{1,40})+")


def field_named(name: str) -> str:
    """Return the field that a column's name says; empty for none."""
    plain = _SIGNS.sub(" ", plain_name(name)).strip()
    return next((field for field, names in NAMES.items() if plain in names), "")


def names_known(names: Sequence[str]) -> int:
    """Return how many of these names say what they are."""
    return sum(bool(field_named(name)) for name in names) + known_columns(list(names))


def header_of(rows: Sequence[Row]) -> int:
    """Return which of the first rows has the names of the columns, from 1; 0 where none has."""
    filled = [[cell.strip() for cell in row.cells if cell.strip()] for row in rows]
    width = max(map(len, filled), default=0)
    looked_at = list(enumerate(filled[:HEADER_WITHIN], start=1))
    known = next((number for number, cells in looked_at if names_known(cells) >= min(2, width)), 0)
    wide = (number for number, cells in looked_at if 2 * len(cells) > width and _are_names(cells))
    return known or next(wide, 0)


def _are_names(cells: Sequence[str]) -> bool:
    short = all(
        len(cell) <= NAME_LENGTH_MAX and number_in(cell) is None and not date_in(cell) for cell in cells
    )
    return short and len(set(cells)) == len(cells)


def guessed_columns(rows: Sequence[Row], header: int, *, with_pictures: bool = True) -> list[MappedColumn]:
    """Return what each column of a table probably is, by its first rows.

    Where no files come along, names of pictures are metadata: as pictures they would be missing.
    """
    names = names_in(rows, header)
    below = rows[header:]
    columns = [_column(name, [_cell(row, at) for row in below]) for at, name in enumerate(names)]
    if not with_pictures:
        columns = [_own(one) if one.field == "images" else one for one in columns]
    return _completed(columns, [[_cell(row, at) for row in below] for at in range(len(names))])


def _cell(row: Row, at: int) -> str:
    text = row.cells[at].strip() if at < len(row.cells) else ""
    return row.plain.get(at, text)


def _column(name: str, cells: Sequence[str]) -> MappedColumn:
    filled = [cell for cell in cells if cell]
    field = field_named(name) or _by_content(filled)
    if field in ("tags", "images"):
        sign = next((sign for sign in (";", "|", ",") if any(sign in cell for cell in filled)), "")
        return MappedColumn(column=name, field=field, separator=sign)
    dates: DateOrder = "mdy" if any(map(_MONTH_FIRST.match, filled)) else "dmy"
    if field == "date" and not all(date_in(cell, dates) for cell in filled):
        field = ""
    kind = _type_of(filled, dates)
    field = field or f"{METADATA}{key_of(name)}"
    decimal: DecimalSign = "," if any(_COMMA.fullmatch(cell) for cell in filled) else "."
    if field.startswith(METADATA) or field == "date":
        return MappedColumn(column=name, field=field, type=kind, decimal=decimal, dates=dates)
    return MappedColumn(column=name, field=field)


def _own(column: MappedColumn) -> MappedColumn:
    return MappedColumn(column=column.column, field=f"{METADATA}{key_of(column.column)}")


def key_of(name: str) -> str:
    """Return the key of the metadata for a column that is nothing else."""
    return re.sub(r"\W+", "_", plain_name(name)).strip("_")[:60] or "column"


def _by_content(cells: Sequence[str]) -> str:
    if not cells:
        return ""
    if all(cell.lower().endswith(PICTURE_SUFFIXES) for cell in cells):
        return "images"
    if all(cell.startswith(("http://", "https://")) for cell in cells):
        return "url"
    return "tags" if sum(bool(_TAGS.fullmatch(cell)) for cell in cells) * 2 > len(cells) else ""


def _type_of(cells: Sequence[str], dates: DateOrder) -> ColumnType:
    if cells and all(cell.isdigit() and cell.startswith("0") and len(cell) > 1 for cell in cells):
        return "string"
    if cells and all(number_in(cell, ",") is not None or number_in(cell) is not None for cell in cells):
        return (
            "number"
            if not any(len(cell) > 1 and cell[0] == "0" and cell.isdigit() for cell in cells)
            else "string"
        )
    if cells and all(date_in(cell, dates) for cell in cells):
        return "date"
    return "boolean" if cells and all(boolean_in(cell) is not None for cell in cells) else "string"


def _completed(columns: list[MappedColumn], cells: Sequence[Sequence[str]]) -> list[MappedColumn]:
    """Leave only one column for what there is once, and find a title and a body where no name says them."""
    seen: set[str] = set()
    found = []
    for one in columns:
        once = one.field in ("external_id", "title", "url", "date", "language")
        again = once and one.field in seen
        found.append(
            MappedColumn(column=one.column, field=f"{METADATA}{key_of(one.column)}") if again else one
        )
        seen.add(one.field)
    texts = [
        (sum(map(len, column)) / max(1, sum(map(bool, column))), at)
        for at, (one, column) in enumerate(zip(found, cells, strict=True))
        if one.field.startswith(METADATA) and one.type == "string" and any(column)
    ]
    if "body" not in seen and texts and max(texts)[0] > LONG_TEXT:
        at = max(texts)[1]
        found[at] = MappedColumn(column=found[at].column, field="body")
        texts.remove(max(texts))
    if "title" not in seen and (short := [at for length, at in texts if length < SHORT_TEXT]):
        found[min(short)] = MappedColumn(column=found[min(short)].column, field="title")
    return found

"""Tables a row a document by a mapping of their columns: texts in any encoding, workbooks, tables in zips in zips."""

from __future__ import annotations

import datetime
import io
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from openpyxl import Workbook

from retrieval_site.errors import AppError
from search.importers import mapped_tables
from search.importers.mapping import KeptMappings, names_once, read_mapping
from search.importers.source import open_import
from search.importers.table_heads import mapping_of_text
from search.importers.types import ImportOptions
from tests.search.importers.reading import documents, png, problems, zipped
from tests.support.document_files import saved
from workers.inference.errors import FileError

if TYPE_CHECKING:
    from pathlib import Path

    from search.importers.types import Item

PARTS = {
    "columns": [
        {"column": "Nr.", "field": "external_id"},
        {"column": "Bezeichnung", "field": "title"},
        {"column": "Beschreibung", "field": "body"},
        {"column": "Hinweis", "field": "body", "with_name": True},
        {"column": "Schlagworte", "field": "tags", "separator": ";"},
        {"column": "Baujahr", "field": "metadata.year", "type": "number"},
        {"column": "Preis", "field": "metadata.price", "type": "number", "decimal": ","},
        {"column": "Geprüft am", "field": "date"},
        {"column": "Aktiv", "field": "metadata.active", "type": "boolean"},
        {"column": "Bild", "field": "images"},
        {"column": "Intern", "field": ""},
    ]
}
HEAD = [
    "Nr.",
    "Bezeichnung",
    "Beschreibung",
    "Hinweis",
    "Schlagworte",
    "Baujahr",
    "Preis",
    "Geprüft am",
    "Aktiv",
    "Bild",
    "Intern",
]
PUMP = ["007", "Kreiselpumpe", "Fördert Wasser.", "Läuft heiß", "Pumpe; Wasser", "1984", "1.234,50", "3.5.2020", "ja",
        "p.png", "geheim"]  # fmt: skip
SEAL = ["008", "Dichtung", "", "", "", "", "", "", "", "", ""]


def kept(mapping: dict[str, Any] | None = None, *others: dict[str, Any]) -> KeptMappings:
    return KeptMappings(tuple(map(read_mapping, others)), read_mapping(mapping) if mapping else None)


def read(
    path: Path, content: bytes, mappings: KeptMappings, name: str = "", **options: Any
) -> tuple[list[Item], set[str]]:
    path.write_bytes(content)
    with open_import(path, ImportOptions(**options), name, mappings) as source:
        items = list(source.items())
        for item in documents(items):
            for ref in item.pictures:
                source.picture(ref.name)
        return items, {warning.id for warning in source.warnings()}


@pytest.fixture
def at(tmp_path) -> Path:
    return tmp_path / "table"


def csv_of(*rows: list[str], sign: str = ";") -> str:
    return "".join(sign.join(f'"{cell}"' for cell in row) + "\r\n" for row in rows)


def workbook(*rows: list[Any]) -> Workbook:
    made = Workbook()
    for row in rows:
        made.active.append(row)
    return made


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("sign", [";", "\t"])
def test_each_row_of_a_text_is_a_document_by_its_mapping_whatever_the_encoding(at, encoding, sign):
    content = csv_of(HEAD, [*PUMP[:9], "", "x"], SEAL, sign=sign).encode(encoding)
    items, warned = read(at, content, kept(PARTS))
    pump, seal = documents(items)
    assert (pump.external_id, pump.fields.title) == ("007", "Kreiselpumpe")
    assert pump.fields.body == "Fördert Wasser.\n\nHinweis: Läuft heiß"
    assert pump.fields.tags == ("Pumpe", "Wasser")
    assert pump.fields.metadata == {"year": 1984, "price": 1234.5, "created": "2020-05-03", "active": True}
    assert (seal.external_id, seal.fields.title, seal.fields.metadata) == ("008", "Dichtung", {})
    assert warned == set()


def test_other_code_pages_are_found_or_said(at):
    cyrillic = csv_of(["Номер", "Название"], *[[str(n), "Насос центробежный для воды"] for n in range(20)])
    mapping = {
        "columns": [{"column": "Номер", "field": "external_id"}, {"column": "Название", "field": "title"}]
    }
    for said in ({}, {"encoding": "cp1251"}):
        items, _ = read(at, cyrillic.encode("cp1251"), kept(mapping | said))
        assert documents(items)[3].fields.title == "Насос центробежный для воды", said


def test_a_kept_mapping_knows_a_table_in_another_code_page():
    names = ["Номер", "Название"]
    mapping = {
        "columns": [{"column": names[0], "field": "external_id"}, {"column": names[1], "field": "title"}]
    }
    rows = csv_of(names, *[[str(n), "Насос центробежный для воды"] for n in range(20)])
    assert mapping_of_text(io.BytesIO(rows.encode("cp1251")), kept(None, mapping)) is not None
    assert mapping_of_text(io.BytesIO(rows.encode("cp1251")), kept(mapping), alone=False) is not None


def test_all_tables_of_a_zip_are_read_or_it_is_refused(at, monkeypatch):
    mapping = {"columns": [{"column": "Nr.", "field": "external_id"}, {"column": "Name", "field": "title"}]}
    members = {f"{n}.csv": csv_of(["Nr.", "Name"], [str(n), "Pumpe"]) for n in range(230)}
    items, _ = read(at, zipped(members), kept(mapping))
    assert len(documents(items)) == 230
    monkeypatch.setattr(mapped_tables, "TABLES_MAX", 200)
    with pytest.raises(AppError, match=r"import\.too_many_tables"):
        read(at, zipped(members), kept(mapping))


def test_names_of_columns_are_told_apart_whatever_they_are():
    assert names_once(["Name", "Name", "Name (2)"]) == ["Name", "Name (2)", "Name (2) (2)"]
    assert names_once(["Name (2)", "name", "Name"]) == ["Name (2)", "name", "Name (3)"]


def test_rows_of_a_workbook_have_their_values_whatever_their_cells_show(at):
    made = workbook(
        ["Lieferliste 2020"],
        [],
        ["Nr", "Name", "Datum", "Anteil", "Formel", "Lang"],
        ["0012", "Pumpe", datetime.date(2020, 5, 3), 0.5, "=1+1", 12345678901234],
        [],
        ["0013", "Ventil", "4.6.2021", 0.25, None, 1],
    )
    made.active["D4"].number_format = "0%"
    made.active["C4"].number_format = "d. mmmm"
    mapping = {
        "header": 2,
        "columns": [
            {"column": "Nr", "field": "external_id"},
            {"column": "Name", "field": "title"},
            {"column": "Datum", "field": "date"},
            {"column": "Anteil", "field": "metadata.share", "type": "number"},
            {"column": "Formel", "field": "body"},
            {"column": "Lang", "field": "metadata.serial"},
        ],
    }
    items, _ = read(at, saved(made), kept(mapping))
    pump, valve = documents(items)
    assert pump.fields.metadata == {"created": "2020-05-03", "share": 0.5, "serial": "12345678901234"}
    assert (pump.fields.body, pump.where) == ("", "row 4")  # openpyxl stores no value with a formula
    assert (valve.external_id, valve.fields.metadata["created"], valve.where) == (
        "0013",
        "2021-06-04",
        "row 6",
    )


def test_dates_from_1904_and_merged_cells_are_read_as_people_see_them(at):
    made = workbook(["Gruppe", "Nr", "Tag"], ["Pumpen", "1", 0], [None, "2", 0], [None, "3", 0])
    for row in (2, 3, 4):
        made.active.cell(row, 3).number_format = "yyyy-mm-dd"
        made.active.cell(row, 3).value = datetime.date(2001, 2, 3)
    made.active.merge_cells("A2:A3")
    made.epoch = datetime.datetime(1904, 1, 1)
    mapping = {
        "columns": [
            {"column": "gruppe", "field": "tags"},
            {"column": "Nr", "field": "title"},
            {"column": "Tag", "field": "date"},
        ]
    }
    items, _ = read(at, saved(made), kept(mapping))
    assert [(one.fields.title, one.fields.tags) for one in documents(items)] == [
        ("1", ("Pumpen",)), ("2", ("Pumpen",)), ("3", ()),
    ]  # fmt: skip
    assert {one.fields.metadata["created"] for one in documents(items)} == {"2001-02-03"}


def test_a_row_without_an_external_id_is_known_by_its_content(at):
    mapping = kept({"columns": [{"column": "Name", "field": "title"}]})
    first, _ = read(at, b"Name\nPumpe\nVentil\n", mapping)
    again, _ = read(at, b"Name\nVentil\nNeu\nPumpe\nNeu\n", mapping)
    ids = {one.fields.title: one.external_id for one in documents(first)}
    later = {one.fields.title: one.external_id for one in documents(again)}
    assert ids["Pumpe"] == later["Pumpe"] != later["Ventil"]
    assert problems(again) == [("line 5", "import.duplicate_external_id")]


def test_what_is_wrong_in_a_row_is_said_with_its_number_and_the_others_are_read(at):
    rows = [["1", "a", "x", "drei"], ["2", "b", "y", "2"], ["3", "c"], ["4", "d", "z", "4", "more"]]
    content = "Nr,Name,Text,Jahr\n" + "".join(",".join(row) + "\n" for row in rows) + '5,"e,f\n6,g,h,6\n'
    mapping = {
        "columns": [
            {"column": "Nr", "field": "external_id"},
            {"column": "Name", "field": "title"},
            {"column": "Jahr", "field": "metadata.year", "type": "number"},
        ]
    }
    items, warned = read(at, content.encode(), kept(mapping))
    assert problems(items) == [
        ("line 2", "import.cell_wrong_type"),
        ("line 4", "import.wrong_cell_count"),
        ("line 5", "import.wrong_cell_count"),
        ("line 6", "import.line_not_csv"),
    ]
    assert [one.external_id for one in documents(items)] == ["2", "6"]
    assert warned == {"import.columns_ignored"}


def test_duplicate_headings_and_none_at_all_have_names(at):
    mapping = {"columns": [{"column": "Name (2)", "field": "title"}, {"column": "column 3", "field": "body"}]}
    items, _ = read(at, b"Name,Name,,x\na,b,c,\n", kept(mapping))
    assert [(one.fields.title, one.fields.body) for one in documents(items)] == [("b", "c")]
    without = {"header": 0, "columns": [{"column": "column 2", "field": "title"}], "delimiter": ","}
    items, _ = read(at, b"a,b,c\nd,e,f\n", kept(without))
    assert [one.fields.title for one in documents(items)] == ["b", "e"]


def test_a_column_that_is_not_there_is_named_and_so_are_sheets(at):
    with pytest.raises(AppError, match="Bezeichnung") as refused:
        read(at, b"Nr.,Name\n1,a\n", kept(PARTS))
    assert refused.value.id == "import.mapping_columns"
    with pytest.raises(AppError, match="Sheet"):
        read(at, saved(workbook(["Nr."], ["1"])), kept(PARTS))


def test_a_kept_mapping_is_used_for_the_same_columns_in_any_order_and_for_no_others(at):
    mapping = {"columns": [{"column": "Nr", "field": "external_id"}, {"column": "Name", "field": "title"}]}
    items, _ = read(at, b"name;NR\nPumpe;1\n", kept(None, mapping))
    assert [(one.external_id, one.fields.title) for one in documents(items)] == [("1", "Pumpe")]
    items, _ = read(at, saved(workbook(["Name", "Nr"], ["Pumpe", "1"])), kept(None, mapping))
    assert [(one.external_id, one.fields.title) for one in documents(items)] == [("1", "Pumpe")]
    with pytest.raises(AppError) as refused:
        read(at, b"name;NR;x\nPumpe;1;2\n", kept(None, mapping))
    assert refused.value.id == "import.format_unknown"
    items, _ = read(at, saved(workbook(["Name", "Other"], ["Pumpe", "1"])), kept(None, mapping), "list.xlsx")
    assert [type(item).__name__ for item in items] == ["DocumentFileItem"]
    items, _ = read(
        at, saved(workbook(["Name", "Nr"], ["Pumpe", "1"])), kept(None, mapping), "l.xlsx", format="file"
    )
    assert [type(item).__name__ for item in items] == ["DocumentFileItem"]


def test_a_kept_mapping_is_used_where_a_title_stands_above_the_names_and_on_sheets_of_other_names(at):
    columns = [{"column": "Nr", "field": "external_id"}, {"column": "Name", "field": "title"}]
    first, third = {"columns": columns}, {"columns": columns, "header": 2, "sheets": ["Teile"]}
    for content, mapping in (
        (b"Parts of 2026\n\nName;Nr\nPumpe;1\n", first),
        (b"Name;Nr\nPumpe;1\n", third),
        (b"Name,Nr\nPumpe,1\n", first | {"delimiter": ";"}),
        (saved(workbook(["Parts of 2026"], ["Name", "Nr"], ["Pumpe", "1"])), first),
        (saved(workbook(["Name", "Nr"], ["Pumpe", "1"])), third),
    ):
        items, _ = read(at, content, kept(None, mapping))
        assert [(one.external_id, one.fields.title) for one in documents(items)] == [("1", "Pumpe")]


def test_content_tells_what_a_table_is_and_not_its_name(at):
    mapping = kept({"columns": [{"column": "Name", "field": "title"}]})
    for content, name in ((b"Name\nPumpe\n", "a.xlsx"), (saved(workbook(["Name"], ["Pumpe"])), "a.csv")):
        items, _ = read(at, content, mapping, name)
        assert [one.fields.title for one in documents(items)] == ["Pumpe"]


TWO = {"columns": [{"column": "Nr", "field": "external_id"}, {"column": "Name", "field": "title"}]}


@pytest.mark.parametrize(
    ("content", "lost"),
    [
        ("Nr,Name\r1,Pumpe\r2,Ventil\r", []),
        ("sep=;\r\nNr;Name\r\n1;Pumpe\r\n2;Ventil\r\n", []),
        ("Nr,Name\n,\n\n1,Pumpe\n , \n2,Ventil\n,\n", []),
        ('Nr,Name\n1,Pumpe\n9,"3"" pipe\n2,Ventil\n', [("line 3", "import.line_not_csv")]),
        ("Nr|Name|\n1|Pumpe|\n2|Ventil|\n", []),
    ],
)
@pytest.mark.parametrize("delimiter", [False, True])
def test_a_mapped_table_may_be_written_as_people_write_tables(at, content, lost, delimiter):
    sign = next(sign for sign in ";|," if sign in content)
    items, _ = read(at, content.encode(), kept(TWO | ({"delimiter": sign} if delimiter else {})))
    assert [(one.external_id, one.fields.title) for one in documents(items)] == [
        ("1", "Pumpe"),
        ("2", "Ventil"),
    ]
    assert problems(items) == lost


MAPPED = {
    "columns": [
        {"column": "Nr", "field": "external_id"},
        {"column": "Name", "field": "title"},
        {"column": "Bild", "field": "images"},
    ]
}


def test_tables_in_zips_find_their_pictures_beside_them_and_in_zips_in_zips(at):
    book = saved(workbook(["Nr", "Name", "Bild"], ["1", "Pumpe", "a.png"]))
    march = zipped(
        {"list.csv": "Nr,Name,Bild\n2,Ventil,a.png\n", "a.png": png("blue"), "notes.md": "# Notes"}
    )
    outer = zipped({"x/list.xlsx": book, "x/a.png": png("red"), "b.md": "# Read me"})
    items, warned = read(at, outer, kept(None, MAPPED))
    assert [(one.external_id, one.pictures[0].name) for one in documents(items)] == [("1", "x/a.png")]
    assert warned == {"import.files_ignored"}
    items, warned = read(at, zipped({"2026/march.zip": march, "manual.md": "# Manual"}), kept(MAPPED))
    assert [one.external_id for one in items] == ["manual.md", "2"]
    assert documents(items)[0].pictures[0].name == "2026/march.zip/a.png"
    assert warned == {"import.files_ignored"}
    deep = zipped({"a.zip": zipped({"b.zip": march})})
    items, _ = read(at, deep, kept(MAPPED))
    assert documents(items)[0].pictures[0].name == "a.zip/b.zip/a.png"


def test_a_table_of_documents_in_a_zip_in_a_zip_needs_no_mapping(at):
    inner = zipped({"t/documents.csv": "external_id,title,images\n1,Pump,a.png\n", "t/images/a.png": png()})
    items, warned = read(at, zipped({"one.zip": inner, "two.zip": zipped({"c.png": png("green")})}), kept())
    assert [one.external_id for one in items] == ["two.zip", "1"]
    assert documents(items)[0].pictures[0].name == "one.zip/t/images/a.png"
    assert warned == set()


@pytest.mark.parametrize(
    "content",
    [
        b"Name" + b",x" * 100_000 + b"\nPumpe" + b"," * 100_000 + b"\n",
        b"\x00Na\x00me\nPumpe\n",
        b"PK\x03\x04Name\nPumpe\n",
        b'"Name\nPumpe\n',
        b"",
    ],
)
def test_a_hostile_text_is_refused_with_an_id(at, content):
    with pytest.raises((AppError, FileError)) as refused:
        items, _ = read(at, content, kept({"columns": [{"column": "Name", "field": "title"}]}))
        if not items:
            raise AppError("import.empty/no_document")
    assert refused.value.id.startswith(("import.", "file."))


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"columns": []},
        {"columns": [{"column": "a", "field": "author"}]},
        {"columns": [{"column": "a", "field": "tags"}]},
        {"columns": [{"column": "a", "field": "title"}, {"column": " A ", "field": "body"}]},
        {"columns": [{"column": "a", "field": "title", "type": "money"}]},
        {"columns": [{"column": "a", "field": "title"}], "header": 99},
        {"columns": [{"column": "a", "field": "title"}], "encoding": "punycode"},
        {"columns": [{"column": "a", "field": "title"}], "encoding": "utf-16"},
        {"columns": [{"column": "a", "field": "title"}], "encoding": "idna"},
        {"columns": [{"column": "a\0", "field": "title"}]},
        {"columns": [{"column": "\ud800", "field": "title"}]},
        {"columns": [{"column": "a", "field": "title"}], "further": 1},
        [],
    ],
)
def test_a_mapping_that_is_none_is_refused(wrong):
    with pytest.raises(AppError) as refused:
        read_mapping(wrong)
    assert refused.value.id == "import.mapping_invalid"


def test_many_rows_take_no_more_memory_than_few(at):
    at.write_bytes(b"Nr,Name\n" + b"".join(b"%d,Pumpe %d\n" % (n, n) for n in range(8_000)))
    mapping = {"columns": [{"column": "Nr", "field": "external_id"}, {"column": "Name", "field": "title"}]}
    with open_import(at, ImportOptions(), "t.csv", kept(mapping)) as source:
        tracemalloc.start()
        count = sum(1 for _ in source.restart())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert (count, peak < 3_000_000) == (8_000, True)

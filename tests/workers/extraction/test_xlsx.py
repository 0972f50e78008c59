"""Excel's xlsx, written by openpyxl or as raw parts."""

from __future__ import annotations

import datetime
import io
import re
from typing import TYPE_CHECKING

import pytest
from openpyxl import Workbook
from openpyxl.drawing.image import Image
from openpyxl.worksheet.table import Table

from tests.support.document_files import ENTITIES, picture, saved, unzipped, zipped
from workers.extraction.extractor import ExtractionLimits
from workers.extraction.formats.number_formats import shown
from workers.extraction.output import OutputLimits
from workers.inference.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.extraction.extractor import Extractor
    from workers.extraction.types import Extracted

    Read = Callable[[bytes, str], Extracted]

SHEET = "xl/worksheets/sheet1.xml"
NAMES = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def workbook(*rows: tuple) -> Workbook:
    made = Workbook()
    made.active.title = "Parts"
    for row in rows:
        made.active.append(row)
    return made


def with_sheet(rows: str, before: str = "", declared: str = "") -> bytes:
    members = unzipped(saved(workbook()))
    sheet = f"{declared}<worksheet {NAMES}>{before}<sheetData>{rows}</sheetData></worksheet>"
    return zipped({**members, SHEET: sheet})


def lines(found: Extracted) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in found.blocks]


def test_each_sheet_is_a_heading_and_each_row_has_the_names_of_its_columns(extracted: Read) -> None:
    made = workbook(
        ("Stock of the works",), (), ("Part", "Number"), ("Impeller", "KX-204/B"), ("Seal", "S-3")
    )
    made.create_sheet("Lists").append(("red",))
    assert lines(extracted(saved(made), "a.xlsx")) == [
        ("heading", "Parts"),
        ("text", "Stock of the works"),
        ("row", "Part: Impeller | Number: KX-204/B"),
        ("row", "Part: Seal | Number: S-3"),
        ("heading", "Lists"),
        ("text", "red"),
    ]


def test_values_are_those_that_people_see(extracted: Read) -> None:
    made = workbook((0.25, 1234.5, datetime.date(2026, 3, 1), True, 4006381333931))
    made.active["A1"].number_format, made.active["B1"].number_format = "0%", '#,##0.00 "€"'
    made.active["C1"].number_format = "dd.mm.yyyy"
    assert lines(extracted(saved(made), "a.xlsx"))[1] == (
        "row",
        "25% | 1,234.50 € | 01.03.2026 | TRUE | 4006381333931",
    )


@pytest.mark.parametrize(
    ("number", "code", "seen"),
    [
        (46082, "mm-dd-yy", "03-01-26"),
        (46082.604, "d mmmm yyyy h:mm AM/PM", "1 March 2026 2:29 PM"),
        (46082.5, "ddd dd/mm/yyyy hh:mm:ss", "Sun 01/03/2026 12:00:00"),
        (1.5, "[h]:mm", "36:00"),
        (-3, "dd.mm.yyyy", "-3"),
        (-5, "0.0;(0.0)", "(5.0)"),
        (-0.001, "0.00", "0.00"),
        (0, '0;-0;"none"', "none"),
        (5551234, "000-0000", "555-1234"),
        (99.5, "[$€-407] #,##0.00", "€ 99.50"),
        (1234567, '0.0,,"M"', "1.2M"),
        (12345, "0.00E+00", "1.23E+4"),
        (7, "00000", "00007"),
        (0.5, "# ?/?", "0.5"),
        (0.1 + 0.2, "General", "0.3"),
        (1e15, "#,##0.00", "1,000,000,000,000,000.00"),
    ],
)
def test_a_number_is_written_as_its_format_shows_it(number: float, code: str, seen: str) -> None:
    assert shown(number, code) == seen


def test_the_workbooks_own_tables_filters_and_repeated_rows_name_the_columns(extracted: Read) -> None:
    made = workbook(("", "x"), ("", "2023", "2024"), ("", "7", "8"))
    made.active.add_table(Table(displayName="Sales", ref="B2:C3"))
    filtered = made.create_sheet("Filtered")
    filtered.append(("Name", "Note"))
    filtered.append(("Ann", "Bo"))
    filtered.auto_filter.ref = "A1:B2"
    assert [text for _, text in lines(extracted(saved(made), "a.xlsx"))] == [
        "Parts",
        "x",
        "2023: 7 | 2024: 8",
        "Filtered",
        "Name: Ann | Note: Bo",
    ]


def test_a_table_that_goes_on_behind_an_empty_row_keeps_its_names(extracted: Read) -> None:
    rows = [("Part", "Number", "Place"), ("Seal", "S-3", "A"), (None,), ("Bolt", "B-1")]
    assert [text for _, text in lines(extracted(saved(workbook(*rows)), "a.xlsx"))][1:] == [
        "Part: Seal | Number: S-3 | Place: A",
        "Part: Bolt | Number: B-1",
    ]


def test_hidden_sheets_are_left_out_and_named(extracted: Read) -> None:
    made = workbook(("Seal",))
    for name, state in (("Lists", "hidden"), ("Codes", "veryHidden")):
        made.create_sheet(name).append(("secret",))
        made[name].sheet_state = state
    found = extracted(saved(made), "a.xlsx")
    assert [text for _, text in lines(found)] == ["Parts", "Seal"]
    assert found.notes == ("The hidden sheet “Lists” was left out.", "The hidden sheet “Codes” was left out.")


def test_pictures_stand_at_their_row(extracted: Read) -> None:
    made = workbook(("Part", "Number"), ("Seal", "S-3"), ("Bolt", "B-1"))
    made.active.add_image(Image(io.BytesIO(picture())), "C2")
    found = extracted(saved(made), "a.xlsx")
    assert [(one.after, one.caption) for one in found.figures] == [(2, "")]
    assert found.figures[0].near.startswith("Part: Seal | Number: S-3")


def test_a_formula_is_the_value_that_was_stored_with_it_never_its_text(extracted: Read) -> None:
    link = '<row r="1"><c r="A1" t="str"><f>cmd|\'/c calc\'!A1</f><v>stored</v></c><c r="B1"><f>1+1</f></c></row>'
    found = extracted(with_sheet(link), "a.xlsx")
    assert [text for _, text in lines(found)] == ["Parts", "stored"]
    assert found.notes == ("1 formulas have no stored value: the file was never calculated.",)


def test_rich_and_escaped_strings_are_read_without_their_reading_aids(extracted: Read) -> None:
    inline = (
        '<row><c t="inlineStr"><is><r><t>東</t></r><r><t>京</t></r><rPh sb="0" eb="1"><t>トウ</t></rPh></is></c>'
        '<c t="inlineStr"><is><t>a_x0041_</t></is></c><c><v>no number</v></c><c t="s"><v>99</v></c>'
        '<c t="e"><v>#N/A</v></c><c s="1"><v>1e999</v></c></row>'
    )
    assert lines(extracted(with_sheet(inline), "a.xlsx"))[1:] == [
        ("row", "東京 | aA | no number | #N/A | 1e999")
    ]


def test_a_claimed_size_costs_nothing_and_cells_beyond_the_last_column_are_none(extracted: Read) -> None:
    rows = '<row r="1048576"><c r="XFD1048576"><v>7</v></c><c r="ZZZ1048576"><v>8</v></c></row><row r="9999999"/>'
    found = extracted(with_sheet(rows, '<dimension ref="A1:ZZZZZ99999999"/>'), "a.xlsx")
    assert [text for _, text in lines(found)] == ["Parts", "7"]


def test_a_large_sheet_is_read_in_a_stream_up_to_the_limit_of_characters(
    extractor: Extractor, extracted: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extractor, "limits", ExtractionLimits(output=OutputLimits(characters=100_000)))
    row = '<row><c t="inlineStr"><is><t>{}</t></is></c></row>'
    with pytest.raises(FileError) as refused:
        extracted(with_sheet("".join(row.format(number) for number in range(100_000, 130_000))), "a.xlsx")
    assert (refused.value.id, refused.value.detail) == ("file.too_much", {"limit": 100_000})


def test_rows_in_the_strict_variant_are_read_alike(extracted: Read) -> None:
    strict = {
        name: re.sub(
            rb"http://schemas.openxmlformats.org/spreadsheetml/2006/main",
            b"http://purl.oclc.org/ooxml/spreadsheetml/main",
            data,
        )
        for name, data in unzipped(saved(workbook(("Seal", 3)))).items()
    }
    assert lines(extracted(zipped(strict), "a.xlsx")) == [("heading", "Parts"), ("row", "Seal | 3")]


@pytest.mark.parametrize("entity", ["&file;", "&c;"])
def test_entities_in_a_sheet_are_neither_read_from_files_nor_expanded(extracted: Read, entity: str) -> None:
    row = f'<row><c t="inlineStr"><is><t>{entity}</t></is></c></row>'
    with pytest.raises(FileError) as refused:
        extracted(with_sheet(row, declared=ENTITIES), "a.xlsx")
    assert refused.value.id == "file.damaged"


def test_a_csv_in_the_clothes_of_xlsx_and_a_binary_workbook_are_of_no_known_format(extracted: Read) -> None:
    members = unzipped(saved(workbook()))
    binary = {
        **{name: data.replace(b"xl/workbook.xml", b"xl/workbook.bin") for name, data in members.items()},
        "xl/workbook.bin": b"\0",
    }
    for file in (b"part,number\nseal,S-3\n", zipped(binary)):
        with pytest.raises(FileError) as refused:
            extracted(file, "a.xlsx")
        assert refused.value.id == "file.unknown_format"


def test_the_name_of_an_empty_column_is_not_lost(extracted: Read) -> None:
    found = extracted(saved(workbook(("Part", "Number", "Remark"), ("Seal", "S-3"))), "a.xlsx")
    assert [text for _, text in lines(found)] == ["Parts", "Part: Seal | Number: S-3", "Remark"]

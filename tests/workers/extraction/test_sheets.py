"""The rows of workbooks as tables, written out by the sandboxed process."""

from __future__ import annotations

import datetime
import io
from typing import TYPE_CHECKING

import pytest
from odf.opendocument import OpenDocumentSpreadsheet
from odf.style import Style, TableProperties
from odf.table import CoveredTableCell, Table, TableCell, TableRow
from odf.text import P
from openpyxl import Workbook

from tests.support.document_files import saved, unzipped, zipped
from workers.extraction.extractor import ExtractionLimits, Extractor
from workers.extraction.output import OutputLimits
from workers.extraction.sheets import sheet_rows
from workers.inference.errors import FileError

if TYPE_CHECKING:
    from pathlib import Path

SHEET = "xl/worksheets/sheet1.xml"
NAMES = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def tables(extractor: Extractor, data: bytes, folder: Path, name: str = "a.xlsx") -> dict[str, list]:
    found = {}
    for sheet in extractor.take_tables(io.BytesIO(data), name, folder):
        with (folder / sheet.file).open("rb") as file:
            found[sheet.name] = [(row.where, row.cells, row.plain) for row in sheet_rows(file)]
    return found


def with_sheet(inside: str, before: str = "") -> bytes:
    members = unzipped(saved(Workbook()))
    return zipped({**members, SHEET: f"{before}<worksheet {NAMES}>{inside}</worksheet>"})


def ods(*cells: TableCell | CoveredTableCell, hidden: bool = False) -> bytes:
    made = OpenDocumentSpreadsheet()
    style = Style(name="ta1", family="table")
    style.addElement(TableProperties(display=str(not hidden).lower()))
    made.automaticstyles.addElement(style)
    table = Table(name="Teile", stylename=style)
    for row in cells:
        line = TableRow()
        for cell in row:
            line.addElement(cell)
        table.addElement(line)
    made.spreadsheet.addElement(table)
    out = io.BytesIO()
    made.write(out)
    return out.getvalue()


def cell(text: str, **attributes) -> TableCell:
    made = TableCell(**attributes)
    made.addElement(P(text=text))
    return made


def test_values_stand_beside_texts_and_hidden_sheets_are_left_out(extractor, tmp_path):
    made = Workbook()
    made.active.append(["a", 0.5, datetime.date(2020, 5, 3), True, 7])
    made.active["B1"].number_format = "0%"
    made.active["E1"].number_format = "000"
    made.create_sheet("Secret").sheet_state = "hidden"
    assert tables(extractor, saved(made), tmp_path) == {
        "Sheet": [("row 1", ["a", "50%", "2020-05-03", "TRUE", "007"], {1: "0.5", 4: "7"})]
    }


def test_the_rows_of_an_ods_have_values_spans_and_numbers(extractor, tmp_path):
    rows = (
        [cell("Gruppe", numberrowsspanned=2), cell("3. Mai", valuetype="date", datevalue="2020-05-03")],
        [CoveredTableCell(), cell("1.234,5", valuetype="float", value="1234.5")],
        [cell("x", numbercolumnsrepeated=3)],
    )
    assert tables(extractor, ods(*rows), tmp_path, "a.ods") == {
        "Teile": [
            ("row 1", ["Gruppe", "3. Mai"], {1: "2020-05-03"}),
            ("row 2", ["Gruppe", "1.234,5"], {1: "1234.5"}),
            ("row 3", ["x", "x", "x"], {}),
        ]
    }
    assert tables(extractor, ods(*rows, hidden=True), tmp_path, "a.ods") == {}


def test_a_formula_is_the_value_that_is_stored_with_it(extractor, tmp_path):
    inside = (
        '<sheetData><row r="1"><c r="A1"><f>1+1</f><v>2</v></c><c r="B1"><f>NOW()</f></c></row></sheetData>'
    )
    assert tables(extractor, with_sheet(inside), tmp_path) == {"Sheet": [("row 1", ["2"], {})]}


ATTACKS = {
    "far": ('<sheetData><row r="1"><c r="XFE1"><v>1</v></c></row></sheetData>', "", False),
    "far row": ('<sheetData><row r="9999999"><c r="A1"><v>1</v></c></row></sheetData>', "", False),
    "negative": ('<sheetData><row r="-1"><c r="A-1" t="n"><v>1e999</v></c></row></sheetData>', "", False),
    "merged": ('<sheetData><row r="1"><c r="A1"><v>1</v></c></row></sheetData>'
               '<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>', "", False),
    "entity": ('<sheetData><row r="1"/></sheetData>', '<!DOCTYPE a [<!ENTITY b "c">]>', True),
    "no xml": ("<sheetData><row>", "", True),
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_hostile_sheet_is_refused_or_read_within_bounds(extractor, tmp_path, attack):
    inside, before, refused = ATTACKS[attack]
    if refused:
        with pytest.raises(FileError) as raised:
            tables(extractor, with_sheet(inside, before), tmp_path)
        assert raised.value.id == "file.damaged"
    else:
        found = tables(extractor, with_sheet(inside, before), tmp_path)
        assert sum(map(len, found.values())) <= 1


def test_what_is_no_workbook_and_what_writes_out_too_much_is_refused(extractor, tmp_path):
    for data, name in ((b"a,b\n1,2\n", "a.xlsx"), (zipped({"a.txt": "x"}), "a.xlsx"), (b"%PDF-1.4", "a.ods")):
        with pytest.raises(FileError) as refused:
            extractor.take_tables(io.BytesIO(data), name, tmp_path)
        assert refused.value.id in ("file.unknown_format", "file.damaged")
    wide = "".join(f'<row r="{n}"><c r="XFD{n}"><v>1</v></c></row>' for n in range(1, 200))
    small = ExtractionLimits(output=OutputLimits(files_bytes=1 << 20))
    with Extractor(small) as bounded, pytest.raises(FileError) as refused:
        bounded.take_tables(io.BytesIO(with_sheet(f"<sheetData>{wide}</sheetData>")), "a.xlsx", tmp_path)
    assert refused.value.id == "file.too_much"


def test_lines_that_no_reader_writes_are_nonsense():
    for line in (b"{}\n", b"[1]\n", b'[1, ["a"], 3]\n', b"[" * 10_000 + b"\n", b'["x", ["a"], {}]\n'):
        with pytest.raises(FileError) as refused:
            list(sheet_rows(io.BytesIO(line)))
        assert refused.value.id == "file.crashed"

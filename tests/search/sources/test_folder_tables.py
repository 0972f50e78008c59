"""Tables in a watched folder: with a kept mapping each row is a document, and rows are followed."""

from __future__ import annotations

import pytest
from openpyxl import Workbook

from search.importers.mapping import read_mapping
from search.models import Document, TrashedDocument
from search.services.table_mappings import table_mapping_keep
from tests.support.document_files import saved
from tests.support.sources import put, put_bytes, report

pytestmark = pytest.mark.django_db
MAPPING = {
    "columns": [
        {"column": "Nr", "field": "external_id"},
        {"column": "Name", "field": "title"},
        {"column": "Jahr", "field": "metadata.year", "type": "number"},
        {"column": "Bild", "field": "images"},
    ]
}
NAMES = ["Nr", "Name", "Jahr", "Bild"]


@pytest.fixture
def keep(corpus):
    """Keep a mapping as an import of such a table does."""

    def kept(mapping=MAPPING, names=NAMES):
        mapping = read_mapping(mapping)
        table_mapping_keep(collection=corpus, mapping=mapping, names=names, filename="parts.csv")

    return kept


def table(folder, *rows: str, age: float = 3600) -> None:
    put_bytes(
        folder, "parts.csv", ("Nr;Name;Jahr;Bild\n" + "".join(f"{row}\n" for row in rows)).encode(), age=age
    )


def test_a_table_is_ignored_until_a_mapping_is_kept_and_then_its_rows_are_followed(
    rounds, keep, tmp_path, names
):
    share = tmp_path / "share"
    table(share, "1;Pumpe;1984;", "2;Ventil;1990;", "3;Dichtung;1991;")
    put_bytes(share, "other.csv", b"a;b\n1;2\n")
    source = rounds.source("folder", share)
    assert report(rounds.take(source)) == {}
    keep()
    job = rounds.take(source)
    assert (report(job), names()) == ({"new": 1}, ["1", "2", "3"])
    assert "other.csv" in str(job.result["warnings"])
    assert report(rounds.take(source)) == {"unchanged": 1}
    pump = Document.objects.get(external_id="1")
    table(share, "1;Pumpe neu;1985;", "3;Dichtung;1991;", "4;Welle;2000;", age=60)
    assert report(rounds.take(source)) == {"changed": 1}
    assert names() == ["1", "3", "4"]
    assert Document.objects.get(pk=pump.pk).title == "Pumpe neu"
    assert TrashedDocument.objects.get().external_id == "2"
    (share / "parts.csv").unlink()
    rounds.take(source, delete_many=True)
    assert names() == []


def test_a_row_that_is_wrong_is_told_and_takes_no_document_away(rounds, keep, tmp_path, names):
    keep()
    share = tmp_path / "share"
    table(share, "1;Pumpe;1984;", "2;Ventil;1990;")
    source = rounds.source("folder", share)
    rounds.take(source)
    table(share, "1;Pumpe neu;1984;", "2;Ventil;neunzig;", age=60)
    job = rounds.take(source)
    assert names() == ["1", "2"]
    failed = job.items.get()
    assert failed.error_id == "import.cell_wrong_type"
    assert failed.reason.startswith("line 3: “neunzig”")
    assert Document.objects.get(external_id="1").title == "Pumpe neu"


def test_rows_of_workbooks_find_pictures_beside_them_and_other_mappings_read_anew(
    rounds, keep, tmp_path, names
):
    share = tmp_path / "share"
    put(share, "works/p.jpg")
    made = Workbook()
    for row in (NAMES, ["1", "Pumpe", 1984, "p.jpg"], ["2", "Ventil", 1990, None]):
        made.active.append(row)
    put_bytes(share, "works/list.xlsx", saved(made))
    source = rounds.source("folder", share)
    rounds.take(source)
    assert names() == ["works/list.xlsx", "works/p.jpg"]
    keep()
    assert report(rounds.take(source)) == {"changed": 1, "unchanged": 1}
    assert names() == ["1", "2", "works/p.jpg"]
    pump = Document.objects.get(external_id="1")
    assert (pump.metadata, pump.images.count()) == ({"year": 1984}, 1)


def test_a_row_without_an_external_id_that_changes_is_another_document(rounds, keep, tmp_path):
    keep({"columns": [{"column": "Name", "field": "title"}]}, ["Name"])
    share = tmp_path / "share"
    put_bytes(share, "n.csv", b"Name\nPumpe\nVentil\nVentil\n")
    source = rounds.source("folder", share)
    rounds.take(source)
    pump = Document.objects.get(title="Pumpe").pk
    put_bytes(share, "n.csv", b"Name\nVentil 2\nPumpe\n", age=60)
    rounds.take(source)
    assert sorted(Document.objects.values_list("title", flat=True)) == ["Pumpe", "Ventil 2"]
    assert Document.objects.get(title="Pumpe").pk == pump

"""The page where somebody says which column of a table is what, without JavaScript."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from openpyxl import Workbook

from retrieval_site.accounts.models import User
from search.job_types import IMPORT, LOOK_AT_TABLES
from search.models import Collection, Document, KeptTableMapping, Membership
from search.services.table_uploads import table_looks_forget
from tests.search.importers.reading import png, zipped
from tests.support.corpus import make_collection
from tests.support.document_files import saved
from tests.support.pages import shown_page
from workers.jobs.runner import run_job_inline
from workers.models import Blob, Job

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db
IMPORT_PAGE = "/curate/in/notes/import/"
PARTS = (
    "Artikelnummer;Bezeichnung;Beschreibung;Schlagworte;Baujahr;Geprüft am\r\n"
    "007;Kreiselpumpe;Fördert Wasser aus dem Keller in den Garten und läuft dabei recht leise, wenn sie neu ist.;"
    "Pumpe, Wasser;1984;3.5.2020\r\n"
    "008;Dichtung;Dichtet die Pumpe am Flansch ab und muss nach zehntausend Stunden erneuert werden.;Pumpe;1990;"
    "4.6.2021\r\n"
    "009;Ventil;;;neu;\r\n"
).encode("cp1252")


@pytest.fixture
def notes() -> Collection:
    return make_collection("notes")


@pytest.fixture
def curator(client, notes) -> Client:
    user = User.objects.create(username="ann")
    Membership.objects.create(collection=notes, user=user, role="curator")
    client.force_login(user)
    return client


def sent(client: Client, name: str, content: bytes, **more: str) -> str:
    """Send a file that is asked about; return the address of the page with its columns."""
    response = client.post(IMPORT_PAGE, {"file": SimpleUploadedFile(name, content), **more})
    assert response.status_code == 302, shown_page(response)
    return response["Location"]


def looked(client: Client, name: str, content: bytes, **more: str) -> str:
    address = sent(client, name, content, **more)
    run_job_inline(Job.objects.filter(type=LOOK_AT_TABLES.name).first())
    return address


def form_of(shown: str) -> dict[str, str]:
    """What the page's form sends as it is filled in."""
    values = dict(
        re.findall(r'<input[^>]*?name="([a-z-]+\d*)"[^>]*?value="([^"]*)"', shown.replace("\n", " "))
    )
    for name, inside in re.findall(r'<select[^>]*?name="([a-z-]+\d*)"[^>]*>(.*?)</select>', shown, re.S):
        values[name] = next(iter(re.findall(r'value="([^"]*)"\s+selected', inside)), "")
    return {
        name: value
        for name, value in values.items()
        if name in ("header", "header-was") or name[-1].isdigit()
    }


def test_columns_are_guessed_previewed_imported_and_kept_for_the_next_table(curator, notes):
    address = sent(curator, "teile.csv", PARTS)
    waiting = shown_page(curator.get(address))
    assert "Looking at the file" in waiting
    run_job_inline(Job.objects.get(type=LOOK_AT_TABLES.name))
    shown = shown_page(curator.get(address))
    for words in ("Kreiselpumpe", "2020-05-03", "Fördert Wasser", "007", "Geprüft am"):
        assert words in shown
    filled = form_of(shown)
    assert [filled[f"field-{at}"] for at in range(6)] == [
        "external_id",
        "title",
        "body",
        "tags",
        "own",
        "own",
    ]
    response = curator.post(address, filled | {"type-4": "number", "import": ""})
    assert response["Location"] == IMPORT_PAGE
    job = run_job_inline(Job.objects.get(type=IMPORT.name))
    assert (job.result["new"], job.result["failed"]) == (2, 1)
    assert job.items.get().reason.startswith("“neu” in the column “Baujahr” is no number")
    pump = Document.objects.get(external_id="007")
    assert (pump.title, pump.tags, pump.metadata["baujahr"]) == ("Kreiselpumpe", ["Pumpe", "Wasser"], 1984)
    assert KeptTableMapping.objects.get().filename == "teile.csv"
    address = looked(curator, "mehr.csv", PARTS)
    assert form_of(shown_page(curator.get(address)))["type-4"] == "number"
    assert "Artikelnummer" in shown_page(curator.get(IMPORT_PAGE))
    kept = KeptTableMapping.objects.get().pk
    curator.post(f"/curate/in/notes/import/mappings/{kept}/forget/")
    assert not KeptTableMapping.objects.exists()


def test_a_check_says_what_is_wrong_in_which_row_and_writes_nothing(curator):
    address = looked(curator, "teile.csv", PARTS)
    filled = form_of(shown_page(curator.get(address))) | {"type-4": "number"}
    assert curator.post(address, filled | {"check": ""})["Location"] == f"{address}#checks"
    run_job_inline(Job.objects.get(type=IMPORT.name))
    shown = shown_page(curator.get(address))
    assert "<bdi>line 4</bdi>: “neu” in the column “Baujahr” is no number" in shown
    assert form_of(shown)["type-4"] == "number"
    assert not Document.objects.exists()
    assert not KeptTableMapping.objects.exists()


def test_the_preview_follows_the_form_and_says_what_is_wrong(curator):
    address = looked(curator, "teile.csv", PARTS)
    filled = form_of(shown_page(curator.get(address)))
    changed = filled | {"field-1": "", "field-2": "title", "type-4": "number", "preview": ""}
    shown = shown_page(curator.post(address, changed))
    assert '<h4 dir="auto">Fördert Wasser' in shown
    assert "“neu” in the column “Baujahr” is no number" in shown
    nothing = {name: "" if name.startswith("field-") else value for name, value in filled.items()}
    response = curator.post(address, nothing | {"import": ""})
    assert response.status_code == 400
    assert "no column becomes a title, a body or a picture" in shown_page(response)
    moved = shown_page(curator.post(address, filled | {"header": "0", "preview": ""}))
    assert "column 2" in moved


def workbook() -> bytes:
    made = Workbook()
    made.active.title = "Pumps"
    for row in (
        ["Stock"],
        [],
        ["No", "Name", "Text"],
        ["1", "Pump", "It pumps."],
        ["2", "<b>Seal</b>", "=1+1"],
    ):
        made.active.append(row)
    other = made.create_sheet("Contacts")
    other.append(["Name", "Mail"])
    other.append(["Ann", "ann@example.org"])
    return saved(made)


def test_a_sheet_of_a_workbook_is_chosen_or_the_whole_is_one_document(curator):
    address = looked(curator, "stock.xlsx", workbook())
    shown = shown_page(curator.get(address))
    assert "Contacts" in shown
    assert "&lt;b&gt;Seal" in shown
    filled = form_of(shown)
    assert filled["header"] == "2"
    assert "ann@example.org" in shown_page(curator.get(f"{address}?table=1"))
    curator.post(address, filled | {"import": ""})
    run_job_inline(Job.objects.filter(type=IMPORT.name).first())
    assert sorted(Document.objects.values_list("external_id", flat=True)) == ["1", "2"]
    curator.post(address, {"document": ""})
    run_job_inline(Job.objects.filter(type=IMPORT.name).first())
    assert Document.objects.filter(external_id="stock.xlsx").exists()


def test_a_table_in_a_zip_is_asked_for_with_its_pictures(curator):
    data = zipped({"a/list.csv": "Nr,Name,Bild\n1,Pumpe,p.png\n", "a/p.png": png(), "readme.md": "# Read me"})
    address = looked(curator, "all.zip", data, ask="on")
    shown = shown_page(curator.get(address))
    assert "p.png" in shown
    curator.post(address, form_of(shown) | {"import": ""})
    run_job_inline(Job.objects.get(type=IMPORT.name))
    assert Document.objects.get().images.count() == 1


def test_a_table_with_the_names_of_fields_is_imported_at_once(curator):
    assert sent(curator, "a.csv", b"external_id,title\n1,Pump\n") == IMPORT_PAGE
    assert Job.objects.get().type == IMPORT.name


def test_what_is_no_table_or_too_wide_is_said(curator):
    address = looked(curator, "a.xlsx", saved(Workbook()))
    assert "Neither the file nor anything in it is a table" in shown_page(curator.get(address))
    wide = ",".join(f"c{n}" for n in range(200)).encode()
    address = looked(curator, "wide.csv", wide + b"\n" + wide)
    assert "The table has 200 columns" in shown_page(curator.get(address))


def test_a_file_that_nobody_imports_goes_after_a_day_and_nothing_stays(curator):
    address = looked(curator, "teile.csv", PARTS)
    assert table_looks_forget() == 0
    Job.objects.update(created_at=timezone.now() - timedelta(days=2))
    assert table_looks_forget() == 1
    assert not Job.objects.exists()
    assert not Blob.objects.exists()
    response = curator.get(address)
    assert response.status_code == 404


def test_nobody_else_sees_the_file(curator, client, notes):
    address = looked(curator, "teile.csv", PARTS)
    other = make_collection("other")
    user = User.objects.create(username="ben")
    Membership.objects.create(collection=other, user=user, role="curator")
    client.force_login(user)
    assert client.get(address).status_code == 404
    assert client.get(address.replace("/notes/", "/other/")).status_code == 404
    assert client.post(address, {"document": ""}).status_code == 404

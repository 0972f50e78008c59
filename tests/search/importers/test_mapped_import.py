"""Imports of tables with a mapping, as jobs: by the API and the command, kept by the collection for the next table."""

from __future__ import annotations

import json

import pytest
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from openpyxl import Workbook

from retrieval_site.accounts.models import User
from retrieval_site.errors import AppError
from search.importers.types import ImportOptions
from search.models import Document, KeptTableMapping, Membership
from search.services import table_mappings
from search.services.imports import import_start
from tests.support.corpus import make_collection
from tests.support.document_files import saved
from workers.jobs.runner import run_job_inline
from workers.models import Job

pytestmark = pytest.mark.django_db
MAPPING = {
    "columns": [
        {"column": "Nr", "field": "external_id"},
        {"column": "Name", "field": "title"},
        {"column": "Jahr", "field": "metadata.year", "type": "number"},
    ]
}
TABLE = "Nr;Name;Jahr;Intern\n1;Pumpe;1984;x\n2;Ventil;alt;y\n3;Größe;2000;z\n".encode("cp1252")


@pytest.fixture
def notes():
    return make_collection("notes")


@pytest.fixture
def curator(client, notes):
    user = User.objects.create(username="ann")
    Membership.objects.create(collection=notes, user=user, role="curator")
    client.force_login(user)
    return client


def post(client, content: bytes, name: str = "t.csv", **more):
    sent = {"collection": "notes", "file": ContentFile(content, name=name), **more}
    return client.post("/api/v1/documents/import/", sent)


def ended(response) -> Job:
    assert response.status_code == 202, response.json()
    return run_job_inline(Job.objects.get(pk=response.json()["id"]))


def counts(job: Job) -> tuple[str, int, int]:
    return job.state, job.result.get("new"), job.result.get("failed")


def test_a_mapping_that_is_sent_is_kept_and_used_for_the_next_table_with_these_columns(curator):
    job = ended(post(curator, TABLE, mapping=json.dumps(MAPPING)))
    assert counts(job) == ("succeeded", 2, 1)
    assert [(item.key, item.error_id) for item in job.items.all()] == [("line 3", "import.cell_wrong_type")]
    assert Document.objects.get(external_id="3").title == "Größe"
    assert [one["id"] for one in job.result["warnings"]] == ["import.columns_ignored"]
    job = ended(post(curator, b"Name,Intern,Jahr,Nr\nWelle,z,2001,4\n"))
    assert counts(job) == ("succeeded", 1, 0)
    assert Document.objects.get(external_id="4").metadata == {"year": 2001}
    book = Workbook()
    for row in (["Nr", "Name", "Jahr", "Intern"], [5, "Rad", 2002, None]):
        book.active.append(row)
    assert counts(ended(post(curator, saved(book), "b.xlsx"))) == ("succeeded", 1, 0)
    assert Document.objects.get(external_id="5").title == "Rad"


def test_a_check_keeps_no_mapping_and_without_one_the_table_is_refused_as_ever(curator):
    assert counts(ended(post(curator, TABLE, mapping=json.dumps(MAPPING), dry_run="true"))) == (
        "succeeded",
        2,
        1,
    )
    assert not KeptTableMapping.objects.exists()
    refused = post(curator, TABLE)
    assert (refused.status_code, refused.json()["error"]["id"]) == (400, "import.format_unknown")


@pytest.mark.parametrize("mapping", ["{", "[]", '{"columns": [{"column": "Nr", "field": "nonsense"}]}'])
def test_a_mapping_that_is_none_is_refused_before_anything_is_stored(curator, mapping):
    refused = post(curator, TABLE, mapping=mapping)
    assert refused.status_code == 400
    assert refused.json()["error"]["id"] in ("import.mapping_invalid", "parameter.invalid")
    assert not Job.objects.exists()


def test_what_is_no_text_is_refused_for_what_it_is_whatever_mapping_comes_with_it(curator):
    for content, name in (
        (b"MZ\x90\0" * 50, "a.csv"),
        (b"", "a.csv"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 9, "a.xls"),
    ):
        refused = post(curator, content, name, mapping=json.dumps(MAPPING))
        assert refused.status_code == 400, name
        assert refused.json()["error"]["id"].startswith(("import.", "parameter.")), name


def test_the_command_takes_a_mapping_from_a_file(notes, tmp_path, capsys):
    (tmp_path / "t.csv").write_bytes(TABLE)
    (tmp_path / "m.json").write_text(json.dumps(MAPPING), "utf-8-sig")
    call_command("import_documents", "notes", tmp_path / "t.csv", mapping=tmp_path / "m.json")
    assert "2 new, 0 changed, 0 unchanged, 1 failed" in capsys.readouterr().out
    assert KeptTableMapping.objects.get().filename == "t.csv"


def test_a_mapping_from_a_file_that_is_not_in_unicode_is_refused(notes, tmp_path):
    (tmp_path / "t.csv").write_bytes(TABLE)
    (tmp_path / "m.json").write_bytes(json.dumps(MAPPING).encode() + "ö".encode("cp1252"))
    with pytest.raises(CommandError, match=r"it is no JSON. \[import\.mapping_invalid\]"):
        call_command("import_documents", "notes", tmp_path / "t.csv", mapping=tmp_path / "m.json")


def test_formulas_are_never_run_and_the_newest_mappings_are_kept(notes, monkeypatch):
    monkeypatch.setattr(table_mappings, "KEPT_MAX", 2)
    for number in range(3):
        mapping = {"columns": [{"column": f"Name {number}", "field": "title"}]}
        content = f'Name {number}\n"=HYPERLINK(""http://x.example"";""y"")"\n'.encode()
        job = import_start(
            collection=notes, file=ContentFile(content, name="f.csv"), options=ImportOptions(mapping=mapping)
        )
        run_job_inline(job)
    assert Document.objects.first().title.startswith("=HYPERLINK(")
    names = [kept.mapping["columns"][0]["column"] for kept in KeptTableMapping.objects.all()]
    assert names == ["Name 2", "Name 1"]
    with pytest.raises(AppError, match="columns"):
        import_start(
            collection=notes, file=ContentFile(b"a\n1\n"), options=ImportOptions(mapping={"columns": []})
        )


def test_all_cells_that_are_wrong_in_a_row_are_said(curator):
    columns = [*MAPPING["columns"], {"column": "Preis", "field": "metadata.price", "type": "number"}]
    job = ended(
        post(curator, b"Nr;Name;Jahr;Preis\n1;Pumpe;alt;viel\n", mapping=json.dumps({"columns": columns}))
    )
    (item,) = job.items.all()
    assert "alt" in item.reason
    assert "viel" in item.reason

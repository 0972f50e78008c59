"""Whatever leaves as a file is in the audit log: which file, with how much in it, and who took it, by which way."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

import pytest
from django.core.files import File
from django.core.management import CommandError, call_command

from models_admin.services import version_upload
from search.models import AuditEntry, BatchPhoto, DocumentImage, Judgement, PhotoBatch
from tests.support.corpus import picture
from tests.support.pages import kept_query
from tests.support.tiny_bundle import make_tiny_bundle
from workers.storage.blobs import blob_store

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[3]


def noted() -> list[tuple[str, str, dict]]:
    rows = AuditEntry.objects.filter(action="export.made").order_by("pk")
    return [(row.actor, row.via, row.detail) for row in rows]


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_the_hits_of_a_search(world, kind):
    query = kept_query([world.open_document])
    name = f"hits-{query.pk}.{kind}"
    world.client("reader").get(f"/api/v1/search/{query.pk}/export.{kind}")
    assert noted() == [("reader", "api", {"file": name, "count": 1})]


def test_hits_that_nobody_may_have_are_no_export(world):
    world.client("reader").get("/api/v1/search/00000000-0000-0000-0000-000000000000/export.csv")
    assert noted() == []


@pytest.mark.parametrize("address", ["/photos/{}/table.csv", "/api/v1/photo-batches/{}/table.csv"])
def test_the_table_of_a_batch(world, client, address):
    upload = blob_store(b"a zip", "application/zip")
    batch = PhotoBatch.objects.create(user=world.users["reader"], upload=upload)
    for name in ("a", "b"):
        BatchPhoto.objects.create(batch=batch, name=name, answer=[])
    client.force_login(world.users["reader"])
    assert b"a," in client.get(address.format(batch.pk)).getvalue()
    about = {"file": "photos.csv", "count": 2, "batch": str(batch.pk)}
    assert noted() == [("reader", "page" if address.startswith("/photos") else "api", about)]


@pytest.mark.parametrize("kind", ["csv", "qrels", "run"])
def test_judgements_by_the_api_and_by_the_admin(world, client, kind):
    root = world.users["root"]
    chosen = Judgement.objects.create(query=world.query, document=world.open_document, user=root, grade=1)
    world.client("root").get(f"/api/v1/judgements/export.{kind}?query={world.query.pk}")
    client.force_login(root)
    sent = {"action": f"export_{kind}", "_selected_action": [chosen.pk]}
    client.post("/admin/search/judgement/", sent)
    about = {"file": f"judgements.{kind}", "count": 1}
    asked = {"asked": {"query": str(world.query.pk)}}
    assert noted() == [("root", "api", about | asked), ("root", "admin", about)]


def test_the_log_itself(world, client):
    client.force_login(world.users["root"])
    client.get("/admin/search/auditentry/export.csv?action=backup.made")
    assert noted() == [("root", "admin", {"file": "audit.csv", "count": 0, "filters": ["action"]})]


@pytest.fixture
def version(tmp_path):
    with make_tiny_bundle(tmp_path / "tiny.zip").open("rb") as file:
        return version_upload(bundle=File(file, name="tiny.zip"))[0]


def test_a_models_bundle_by_the_admin_and_by_command(world, client, version, tmp_path):
    client.force_login(world.users["root"])
    assert client.get(f"/admin/models_admin/modelversion/{version.pk}/bundle/").status_code == 200
    call_command("download_model", version.key, out=(out := tmp_path / "out.zip"))
    with pytest.raises(CommandError):
        call_command("download_model", version.key, out=out)
    about = {"file": "tiny-1.bundle.zip", "count": 1}
    assert noted() == [("root", "admin", about), ("", "system", about)]
    assert {row.target_name for row in AuditEntry.objects.filter(action="export.made")} == {version.key}


def test_judgements_by_command(world):
    call_command("export_judgements", "--format", "csv", "--collection", "open", stdout=StringIO())
    about = {"file": "judgements.csv", "count": 0, "asked": {"collection": "open"}}
    assert noted() == [("", "system", about)]


def test_a_training_set_also_one_that_broke_off(world, tmp_path, monkeypatch):
    blob = blob_store(picture((90, 20, 20)), "image/jpeg")
    DocumentImage.objects.create(document=world.open_document, ordinal=0, blob=blob, alt="red")
    words = ("export_training_set", "--collection", "open", "--out")
    call_command(*words, str(tmp_path / "whole"), stdout=StringIO())
    monkeypatch.setattr("search.management.commands.export_training_set.Command._progress", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        call_command(*words, str(tmp_path / "part"))
    with pytest.raises(CommandError, match="holds pictures already"):
        call_command(*words, str(tmp_path / "whole"))
    about = {"count": 1, "judged": False}
    assert noted() == [("", "system", about | {"file": name}) for name in ("whole", "part")]


FILES = re.compile(r"StreamingHttpResponse\(|as_attachment=True|[\"']attachment;")
NO_EXPORTS = {
    "search/views/pages.py": "the file that a document was made of, one at a time, as its page is read"
}
COMMANDS = re.compile(r"\"--out\"")
NO_EXPORT_COMMANDS = {
    "workers/management/commands/train.py": "a model that is made of files, before the site knows it",
}


def _modules_with(pattern: re.Pattern[str]) -> dict[str, str]:
    files = [
        file for folder in ("search", "models_admin", "workers", "retrieval_site") for file in _of(folder)
    ]
    texts = {str(file.relative_to(ROOT)): file.read_text() for file in files}
    return {name: text for name, text in texts.items() if pattern.search(text)}


def _of(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize(("pattern", "others"), [(FILES, NO_EXPORTS), (COMMANDS, NO_EXPORT_COMMANDS)])
def test_whatever_makes_a_file_to_take_away_notes_it(pattern, others):
    """`search.downloads.download` does so for its callers, and takes no file without a count."""
    made = _modules_with(pattern)
    assert set(others) <= set(made)
    assert {name for name, text in made.items() if "export_note(" not in text} == set(others)

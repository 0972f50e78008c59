"""The commands for corpora and models, as an operator types them."""

from __future__ import annotations

import json
import socket

import pytest
from django.core.files import File
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from models_admin.services import champion, version_upload
from search.models import Collection, Document
from search.services.collections import collection_create
from search.services.imports import import_folder_start
from tests.support.tiny_bundle import make_tiny_bundle
from workers.encoding.pool import POOL
from workers.jobs.runner import run_job_inline

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("clean_redis")]


@pytest.fixture(autouse=True)
def _own_data(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"
    POOL.close()
    yield
    POOL.close()


@pytest.fixture
def notes(tmp_path):
    path = tmp_path / "notes.jsonl"
    lines = [json.dumps({"id": n, "body": f"A red pump {n}."}) for n in range(3)]
    path.write_text("\n".join([*lines, "{broken"]))
    return path


def test_an_import_of_which_every_document_is_refused_ends_the_command_as_a_failure(tmp_path, capsys):
    notes = tmp_path / "notes.jsonl"
    notes.write_text('{"id": "a", "colour": "red"}\n{"title": "no id"}\n')
    with pytest.raises(CommandError, match=r"All 2 documents were refused\."):
        call_command("import_documents", "notes", notes)
    assert "0 new, 0 changed, 0 unchanged, 2 failed" in capsys.readouterr().out


def test_documents_are_checked_then_imported_into_a_new_collection(notes, capsys):
    call_command("import_documents", "notes", notes, dry_run=True)
    assert not Document.objects.exists()
    call_command("import_documents", "notes", notes, public=True)
    assert Document.objects.filter(collection__slug="notes").count() == 3
    assert Collection.objects.get().visibility == "private"
    shown = capsys.readouterr()
    assert shown.out.count("3 new, 0 changed, 0 unchanged, 1 failed") == 2
    assert "line 4: The line is not JSON" in shown.err


def test_a_path_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(CommandError, match=r"import\.path_missing"):
        call_command("import_documents", "notes", tmp_path / "none")
    with pytest.raises(CommandError, match="There is no file"):
        call_command("upload_model", tmp_path / "none.zip")


def test_a_path_that_the_worker_does_not_see_is_a_sentence_that_names_its_machine(notes, capsys):
    job = import_folder_start(collection=collection_create(name="Notes"), path=notes)
    notes.unlink()
    failed = run_job_inline(job)
    assert (failed.state, failed.error_id) == ("failed", "import.path_not_on_worker")
    assert str(notes) in failed.error
    assert socket.gethostname() in failed.error


def test_a_models_whole_life_on_the_command_line(notes, tmp_path, capsys):
    call_command("import_documents", "notes", notes)
    for seed in (1, 2):
        call_command("upload_model", make_tiny_bundle(tmp_path / f"{seed}.zip", seed=seed))
        call_command("prepare_model", f"tiny@{seed}")
        call_command("activate_model", f"tiny@{seed}", reason="a try")
    assert champion().key == "tiny@2"
    call_command("rollback_model")
    assert champion().key == "tiny@1"
    call_command("prepare_model", "tiny@1", index="binary")
    assert champion().vector_index == "binary"
    with pytest.raises(CommandError, match=r"version\.in_use"):
        call_command("retire_model", "tiny@2")
    call_command("retire_model", "tiny@2", force=True)
    with pytest.raises(CommandError, match=r"version\.wrong_state"):
        call_command("activate_model", "tiny@2")
    with pytest.raises(CommandError, match=r"model\.not_found"):
        call_command("prepare_model", "tiny@3")
    assert "passages: 3 total, 3 stored, 0 broken, 0 missing" in capsys.readouterr().out


def test_a_models_bundle_is_written_as_it_was_uploaded(tmp_path, monkeypatch):
    path, out = make_tiny_bundle(tmp_path / "tiny.zip"), tmp_path / "again.zip"
    with path.open("rb") as file:
        version, _ = version_upload(bundle=File(file, name="tiny.zip"))
    call_command("download_model", version.key, out=out)
    assert out.read_bytes() == path.read_bytes()
    monkeypatch.chdir(tmp_path)
    call_command("download_model", version.key)
    assert (tmp_path / "tiny-1.bundle.zip").read_bytes() == path.read_bytes()
    with pytest.raises(CommandError, match="there already"):
        call_command("download_model", version.key, out=out)
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("download_model", version.key, out=tmp_path / "none" / "again.zip")
    with pytest.raises(CommandError, match=r"model\.not_found"):
        call_command("download_model", "champion")
    default_storage.delete(version.bundle.storage_name)
    with pytest.raises(CommandError, match=r"blob\.missing"):
        call_command("download_model", version.key, out=tmp_path / "lost.zip")
    assert not list(tmp_path.glob("*lost*"))

"""Files that the site has lost or damaged come back from a place of backups, and no other files do."""

from __future__ import annotations

import json
from contextlib import nullcontext
from io import StringIO
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from retrieval_site.errors import AppError
from tests.workers.backup.conftest import CONTENTS
from workers.backup.places import FolderPlace
from workers.backup.stored_files import manifests_for_files
from workers.management.commands import restore as restore_command
from workers.models import Blob
from workers.storage.blobs import blob_open, blob_store, file_replace

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["plain", "sealed"])
def place(request, site, tmp_path):
    """The words of the command for a place that has a backup of the files: as they are, and encrypted."""
    if request.param == "plain":
        return [str(site.plain)]
    (tmp_path / "key").write_text(site.identity)
    return [str(site.sealed), "--identity", str(tmp_path / "key")]


def restore(*words):
    out = StringIO()
    call_command("restore", *words, "--files-only", stdout=out)
    return out.getvalue()


def stored_files():
    root = Path(default_storage.path(""))
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_lost_and_a_damaged_file_come_back_and_no_other_does(place):
    lost, damaged = (blob_store(content, "image/png") for content in CONTENTS)
    whole = stored_files()
    file_replace(damaged.storage_name, ContentFile(b"x" * damaged.size), damaged.size)
    default_storage.delete(lost.storage_name)
    assert "2 files: 2 were missing or damaged" in restore(*place)
    assert stored_files() == whole
    assert json.loads(restore(*place, "--json")) == {"seen": 2, "restored": 0, "missing": []}
    default_storage.delete(lost.storage_name)
    Blob.objects.filter(pk=lost.pk).delete()
    assert "1 files: 0 were missing" in restore(*place)
    assert not default_storage.exists(lost.storage_name)


def test_what_no_backup_has_is_named_and_the_rest_comes_back(place):
    kept, unknown = blob_store(CONTENTS[0], "image/png"), blob_store(b"of today", "image/png")
    for blob in (kept, unknown):
        default_storage.delete(blob.storage_name)
    with pytest.raises(CommandError, match=f"1 files more.*: {unknown.pk}") as caught:
        restore(*place)
    assert caught.value.returncode == 3
    with blob_open(kept) as file:
        assert file.read() == CONTENTS[0]


def test_an_encrypted_file_asks_for_its_key(site):
    default_storage.delete(blob_store(CONTENTS[0], "image/png").storage_name)
    with pytest.raises(CommandError, match=r"backup\.key_needed"):
        restore(str(site.sealed))


@pytest.mark.parametrize("option", ["--replace", "--compare"])
def test_the_database_is_left_alone(site, option):
    with pytest.raises(CommandError, match="leaves the database as it is"):
        restore(str(site.plain), option)


def test_a_place_without_a_backup_is_refused(tmp_path):
    with pytest.raises(AppError, match=r"backup\.none"):
        manifests_for_files(FolderPlace(tmp_path))


@pytest.mark.parametrize("option", ["--json", "--files-only"])
def test_an_error_said_as_json_is_a_failure_too(tmp_path, monkeypatch, option):
    monkeypatch.setattr(restore_command, "_database", nullcontext)
    out = StringIO()
    with pytest.raises(CommandError, match=r"backup\.none") as caught:
        call_command("restore", str(tmp_path), "--json", option, stdout=out)
    assert caught.value.returncode == 1
    assert json.loads(out.getvalue())["error"]["id"] == "backup.none"

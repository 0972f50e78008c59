"""A restored site with another SECRET_KEY cannot read all that it has: that is said."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from django.test import override_settings

from workers.backup.files import file_store
from workers.backup.keys import key_restore
from workers.backup.manifest import NAME, SETTINGS, _checksum, manifest_read, own_name
from workers.backup.places import FolderPlace
from workers.backup.restore import Backup
from workers.backup.sealing import Sealing
from workers.backup.site_settings import key_fingerprint

NONE = Sealing()


@pytest.fixture
def sentences(site, tmp_path, monkeypatch, settings):
    """What is said of the key, by the key of the environment, that of the data folder and that of the backup."""
    place, manifest = FolderPlace(tmp_path / "place"), site.backup(site.plain).manifest
    file = tmp_path / "data" / "secret_key"
    monkeypatch.setenv("DATA_DIR", str(file.parent))

    def said(*, environment="", in_folder="", kept="", fingerprint=""):
        content = tmp_path / "settings.json"
        content.write_text(json.dumps({"secret_key": kept}))
        with content.open("rb") as source:
            stored = file_store(place, own_name(manifest.id, SETTINGS), NONE, source)
        if in_folder:
            file.parent.mkdir()
            file.write_text(in_folder)
        own = replace(manifest, files={SETTINGS: stored}, key_fingerprint=fingerprint)
        with override_settings(CONFIG=replace(settings.CONFIG, secret_key=environment or in_folder)):
            return " ".join(key_restore(Backup(place, own, NONE)).sentences())

    return said


IS_OTHER, NOT_TAKEN = "is not the one of the site that was backed up", "was not taken"


@pytest.mark.parametrize(
    "known", [{"environment": "old"}, {"in_folder": "old"}, {"in_folder": "old", "kept": "old"}]
)
def test_nothing_is_said_where_the_key_is_the_same(sentences, known):
    assert sentences(fingerprint=key_fingerprint("old"), **known) == ""


@pytest.mark.parametrize("known", [{}, {"environment": "new"}, {"in_folder": "new"}])
def test_another_key_is_said(sentences, known):
    said = sentences(fingerprint=key_fingerprint("old"), **known)
    assert IS_OTHER in said
    assert NOT_TAKEN not in said


@pytest.mark.parametrize("fingerprint", ["", key_fingerprint("old")])
def test_a_kept_key_that_was_not_taken_is_said(sentences, fingerprint, tmp_path):
    said = sentences(in_folder="new", kept="old", fingerprint=fingerprint)
    assert NOT_TAKEN in said
    assert IS_OTHER in said
    assert (tmp_path / "data" / "secret_key").read_text() == "new"


def test_a_kept_key_is_written_and_counts_unless_the_environment_has_another(sentences, tmp_path):
    file = tmp_path / "data" / "secret_key"
    assert (
        sentences(kept="old", fingerprint=key_fingerprint("old")) == f"SECRET_KEY of the backup is in {file}"
    )
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("old", 0o600)
    file.unlink()
    said = sentences(kept="old", environment="new", fingerprint=key_fingerprint("old"))
    assert "The SECRET_KEY of the environment is another one" in said
    assert IS_OTHER in said


def test_backups_have_a_fingerprint_and_those_of_before_are_read_without(site, tmp_path, settings):
    manifest = site.backup(site.plain).manifest
    assert manifest.key_fingerprint == key_fingerprint(settings.CONFIG.secret_key) != ""
    file = tmp_path / own_name(manifest.id, NAME)
    file.parent.mkdir(parents=True)
    said = json.loads((site.plain / own_name(manifest.id, NAME)).read_text())
    del said["checksum"], said["key_fingerprint"]
    said["format"] = 1
    file.write_text(json.dumps(said | {"checksum": _checksum(said)}))
    assert manifest_read(FolderPlace(tmp_path), manifest.id) == replace(
        manifest, format=1, key_fingerprint=""
    )

"""The drill: the whole way, by the commands that people use, into another server and another folder."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from io import StringIO

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from tests.support.corpus import clustered, make_collection, make_documents, make_version, store
from tests.support.pages import kept_query
from workers.backup import answers
from workers.backup.manifest import BackupManifest, backups_of, manifests_of
from workers.backup.places import FolderPlace
from workers.backup.sealing import identity_make
from workers.management.backup import drill as drill_action
from workers.storage.blobs import blob_store


@pytest.mark.django_db(transaction=True)
def test_a_restored_site_has_the_same_rows_and_files_and_gives_the_same_answers(tmp_path, monkeypatch):
    bundle = blob_store(b"a bundle", "application/zip")
    version = make_version(bundle=bundle)
    passages = make_documents(make_collection(), 30)
    store(version, passages, clustered(30, 16))
    kept_query([passages[0].document])
    out = StringIO()
    place = str(tmp_path / "place")
    call_command("backup", "drill", place, "--new", "--folder", str(tmp_path), stdout=out)
    assert "1 files are equal; of 20 questions 20 had the same answer" in out.getvalue()
    assert not list(tmp_path.glob("sightline-drill-*"))


@pytest.fixture
def drilled(monkeypatch, tmp_path):
    """The words of each drill that would begin, of a site that is stopped until its server is started for a while."""
    words, running = [], []
    said = {"tables": 1, "rows": 1, "blobs": 1, "asked": 1, "equal": 1, "share": 1.0, "elsewhere": 0}
    monkeypatch.setattr(drill_action, "backup_drill", lambda **given: words.append(given["words"]) or said)
    create = drill_action.backup_create

    @contextmanager
    def started():
        running.append(True)
        yield
        running.pop()

    monkeypatch.setattr(drill_action, "database_running", started)
    monkeypatch.setattr(drill_action, "backup_create", lambda **given: running and create(**given))
    return words


@pytest.mark.django_db(transaction=True)
def test_a_drill_with_a_new_backup_puts_nothing_plain_beside_encrypted_ones(site, drilled, tmp_path):
    place, identity = shutil.copytree(site.sealed, tmp_path / "sealed"), tmp_path / "key"
    identity.write_text(site.identity)
    before = list(backups_of(FolderPlace(place)))
    with pytest.raises(CommandError, match=r"encrypted for age1.*--recipient"):
        call_command("backup", "drill", str(place), "--new", "--identity", str(identity))
    with pytest.raises(CommandError, match="give --new"):
        call_command("backup", "drill", str(place), "--recipient", identity_make()[1])
    with pytest.raises(CommandError, match=r"backup\.key_needed"):
        call_command("backup", "drill", str(place), "--new", "--recipient", identity_make()[1])
    assert list(backups_of(FolderPlace(place))) == before
    recipients = site.backup(site.sealed).manifest.recipients
    words = [str(place), "--new", "--recipient", *recipients, "--identity", str(identity)]
    call_command("backup", "drill", *words, stdout=StringIO())
    manifests = [found for _, found in manifests_of(FolderPlace(place))]
    assert [one.recipients for one in manifests if isinstance(one, BackupManifest)] == [recipients] * 2
    assert [one[:2] for one in drilled] == [[str(place), manifests[-1].id]]
    assert not (place / "blobs" / "plain").exists()


@pytest.mark.django_db(transaction=True)
def test_a_drill_with_a_new_backup_says_which_files_the_site_has_lost(drilled, tmp_path):
    lost = blob_store(b"lost before the drill", "image/png")
    default_storage.delete(lost.storage_name)
    with pytest.raises(CommandError, match=f"has lost 1 files.*{lost.pk}") as caught:
        call_command("backup", "drill", str(tmp_path), "--new", stdout=StringIO())
    assert caught.value.returncode == 3


def test_answers_are_compared_by_the_hits_that_both_have(monkeypatch):
    monkeypatch.setattr(answers, "_askers", {})
    now = {1: [1, 2, 3, 4], 2: [5, 6]}
    answers.asker_register(
        "numbers", answers.SampleAsker(lambda: [{"n": 1}, {"n": 2}], lambda one: now[one["n"]])
    )
    taken = list(answers.answers_take())
    assert answers.answers_compare(taken) == answers.AnswersAgreement(2, 2, 1.0, {"n": 1})
    now[1] = [4, 3, 2, 9]
    found = answers.answers_compare(taken)
    assert (found.equal, found.share, found.least, found.is_good) == (1, 0.875, {"n": 1}, False)

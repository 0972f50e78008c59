"""Backups hold all that their rows name, and what is damaged, newer or locked is told before anything is restored."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import count

import psycopg
import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection

from retrieval_site.errors import AppError
from tests.workers.backup.conftest import CONTENTS
from workers.backup import create, programs
from workers.backup.contents import contents
from workers.backup.create import backup_create
from workers.backup.manifest import FORMAT, backups_of, manifest_write
from workers.backup.places import FolderPlace
from workers.backup.programs import load
from workers.backup.prune import Pruned, backups_prune
from workers.backup.restore import backup_open, backup_restore, backup_verify
from workers.backup.sealing import Sealing, identity_make, recipients_read
from workers.models import Blob
from workers.storage.blobs import blob_store
from workers.storage.sweeping import blob_remove_unused, removals_held


def _refused(error_id, work, *args, **options):
    with pytest.raises(AppError) as caught:
        work(*args, **options)
    assert caught.value.id == error_id
    return caught.value


def _copy(place, tmp_path):
    return shutil.copytree(place, tmp_path / "copy")


def _blobs(place):
    return sorted(path for path in (place / "blobs").rglob("*") if path.is_file())


@pytest.mark.django_db(transaction=True)
def test_what_tables_hold_does_not_depend_on_how_the_session_writes_dates():
    with connection.cursor() as cursor:
        cursor.execute("SET datestyle = 'German, DMY'")
        written = contents()
        cursor.execute("SET datestyle = 'ISO, MDY'")
    assert contents() == written


def test_a_backup_is_read_back_to_the_last_byte(site):
    assert backup_verify(site.backup(site.plain)) == 2
    assert sorted(path.read_bytes() for path in _blobs(site.plain)) == sorted(CONTENTS)


@pytest.mark.parametrize("place", ["plain", "sealed"])
@pytest.mark.parametrize("file", ["database.dump", "blobs.txt", "manifest.json", "blob"])
def test_one_changed_byte_anywhere_is_damage(site, place, file, tmp_path):
    copy = _copy(getattr(site, place), tmp_path)
    path = _blobs(copy)[0] if file == "blob" else next(copy.rglob(file))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    error = _refused("backup.damaged", lambda: backup_verify(site.backup(copy, site.identity)))
    assert error.detail["file"].endswith(path.name)


def test_a_file_that_is_missing_is_damage_even_without_the_key(site, tmp_path):
    copy = _copy(site.sealed, tmp_path)
    assert backup_verify(site.backup(copy)) == 2
    _blobs(copy)[0].unlink()
    _refused("backup.damaged", backup_verify, site.backup(copy))


def test_only_the_private_key_opens_an_encrypted_backup(site, tmp_path):
    for path in site.sealed.rglob("*"):
        assert not path.is_file() or not any(content in path.read_bytes() for content in CONTENTS)
    assert backup_verify(site.backup(site.sealed, site.identity)) == 2
    _refused("backup.key_wrong", backup_verify, site.backup(site.sealed, identity_make()[0]))


def test_secrets_are_kept_only_where_they_were_asked_for(site):
    said = next(site.plain.rglob("settings.json")).read_text()
    assert settings.SECRET_KEY not in said
    assert json.loads(said)["secret_key"] == "(withheld)"
    assert settings.SECRET_KEY in create.settings_said(with_keys=True).decode()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("content", [None, "", "  # only a comment\n\n", "age1nonsense", "\xff"])
def test_a_file_of_recipients_without_a_key_makes_no_plain_backup(tmp_path, content):
    keys, place = tmp_path / "keys", tmp_path / "place"
    if content is not None:
        keys.write_bytes(content.encode("latin-1"))
    with pytest.raises(CommandError, match=r"backup\.key_invalid"):
        call_command("backup", "create", str(place), "--recipients-file", str(keys))
    assert not place.exists()


def test_a_file_of_recipients_may_have_comments(tmp_path):
    keys = [identity_make()[1] for _ in range(2)]
    (tmp_path / "keys").write_text(f"# of us\n  {keys[0]}\n\n  # of them\n{keys[1]}")
    assert recipients_read(tmp_path / "keys") == tuple(keys)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "changes", [{"format": FORMAT + 1}, {"postgres": 99}, {"migrations": {"search": ["0999_of_tomorrow"]}}]
)
def test_a_newer_backup_is_refused(site, changes, tmp_path):
    copy = _copy(site.plain, tmp_path)
    manifest_write(FolderPlace(copy), replace(site.backup(copy).manifest, **changes))
    _refused("backup.newer", lambda: backup_restore(backup=site.backup(copy)))


@pytest.mark.django_db
def test_nothing_is_restored_over_a_site(site):
    _refused("restore.not_empty", backup_restore, backup=site.backup(site.plain))


@pytest.fixture
def empty_database(django_db_setup, django_db_blocker, monkeypatch):
    """Django on an empty database of the same server, without a transaction."""
    with django_db_blocker.unblock():
        used = connection.settings_dict["NAME"]
        connection.close()
        server = psycopg.connect(
            host=connection.settings_dict["HOST"], user="postgres", dbname=used, autocommit=True
        )
        server.execute("CREATE DATABASE empty_site TEMPLATE template0")
        monkeypatch.setitem(connection.settings_dict, "NAME", "empty_site")
        yield
        connection.close()
        monkeypatch.undo()
        server.execute("DROP DATABASE empty_site WITH (FORCE)")
        server.close()


def _tables():
    with connection.cursor() as cursor:
        return connection.introspection.table_names(cursor)


def test_a_dump_that_breaks_off_leaves_the_database_as_it_was(site, empty_database, tmp_path):
    whole = next(site.plain.rglob("database.dump"))
    broken = tmp_path / "broken.dump"
    broken.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    _refused("backup.program_failed", load, broken, replace=False)
    assert _tables() == []
    load(whole, replace=False)
    restored = _tables()
    assert "search_document" in restored
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE of_tomorrow ()")
    _refused("backup.program_failed", load, broken, replace=True)
    assert _tables() == sorted([*restored, "of_tomorrow"])
    load(whole, replace=True)
    assert _tables() == restored


@pytest.mark.django_db(transaction=True)
def test_a_second_backup_copies_only_what_is_new_and_names_what_the_site_has_lost(tmp_path):
    place = FolderPlace(tmp_path / "place")
    old, lost = blob_store(b"old", "image/png"), blob_store(b"lost", "image/png")
    assert backup_create(place=place, sealing=Sealing()).copied == 2
    new = blob_store(b"new", "image/png")
    third = blob_store(b"damaged", "image/png")
    (tmp_path / f"place/blobs/plain/{lost.storage_name}").unlink()
    default_storage.delete(lost.storage_name)
    default_storage.delete(third.storage_name)
    default_storage.save(third.storage_name, default_storage.open(new.storage_name))
    made = backup_create(place=place, sealing=Sealing())
    assert (made.copied, made.copied_bytes) == (1, 3)
    assert sorted(made.manifest.missing) == sorted([lost.pk, third.pk])
    assert backups_prune(place=place, keep=1) == Pruned(1, 0)
    Blob.objects.filter(pk=old.pk).delete()
    backup_create(place=place, sealing=Sealing())
    assert backups_prune(place=place, keep=1) == Pruned(1, 1)
    assert [path.name for path in _blobs(tmp_path / "place")] == [new.pk]


@pytest.mark.django_db(transaction=True)
def test_of_two_backups_of_one_second_the_later_one_is_the_newest(tmp_path, monkeypatch):
    place, ends = FolderPlace(tmp_path), iter(["ffff", "0000"])
    monkeypatch.setattr("secrets.token_hex", lambda size: next(ends))
    moments = (
        datetime(2026, 11, 30, 2, 30, tzinfo=UTC) + timedelta(microseconds=passed) for passed in count()
    )
    monkeypatch.setattr("django.utils.timezone.now", lambda: next(moments))
    first = backup_create(place=place, sealing=Sealing()).manifest.id
    second = backup_create(place=place, sealing=Sealing()).manifest.id
    assert list(backups_of(place)) == [first, second]
    assert backups_prune(place=place, keep=1) == Pruned(1, 0)
    assert list(backups_of(place)) == [second]


@pytest.mark.django_db(transaction=True)
def test_a_backup_that_breaks_off_is_none(tmp_path, monkeypatch):
    place = FolderPlace(tmp_path)
    monkeypatch.setattr(programs, "program", lambda name: "/bin/false")
    _refused("backup.program_failed", backup_create, place=place, sealing=Sealing())
    assert list(backups_of(place)) == []
    with place.locked():
        _refused("backup.busy", backup_create, place=place, sealing=Sealing())


class PrunedPlace(FolderPlace):
    """A place that another command prunes as soon as nobody holds its lock."""

    @contextmanager
    def locked(self):
        with super().locked() as lock_check:
            yield lock_check
        backups_prune(place=FolderPlace(self.root), keep=1)


@pytest.mark.django_db(transaction=True)
def test_a_prune_right_after_a_backup_leaves_it_whole(tmp_path):
    backup_create(place=FolderPlace(tmp_path), sealing=Sealing())
    blob = blob_store(b"new in the second backup", "image/png")
    made = backup_create(place=PrunedPlace(tmp_path), sealing=Sealing()).manifest
    assert list(backups_of(FolderPlace(tmp_path))) == [made.id]
    assert backup_verify(backup_open(FolderPlace(tmp_path), made.id, Sealing())) == 1
    assert [path.name for path in _blobs(tmp_path)] == [blob.pk]


@pytest.mark.django_db(transaction=True)
def test_no_blob_is_removed_while_a_backup_copies():
    unused = blob_store(b"unused", "image/png")
    known = connection.settings_dict
    with psycopg.connect(host=known["HOST"], user="postgres", dbname=known["NAME"], autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(hashtext('removals of blobs'))")
        assert not blob_remove_unused(unused.pk)
        assert default_storage.exists(unused.storage_name)
        other.execute("SELECT pg_advisory_unlock_all()")  # a session's end is noticed a little later
    assert blob_remove_unused(unused.pk)
    with pytest.raises(AppError, match=r"backup\.interrupted"), removals_held():
        connection.close()


def test_the_commands_make_a_key_check_and_list(site, tmp_path):
    out = StringIO()
    call_command("backup", "key", str(tmp_path / "key"), stdout=out)
    assert out.getvalue().startswith("age1")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    call_command("backup", "check", str(site.plain), stdout=out)
    call_command("backup", "list", str(site.sealed), stdout=out)
    assert "is whole: 2 files are read and compared" in out.getvalue()
    assert "encrypted" in out.getvalue()


def test_a_damaged_backup_does_not_hide_the_others(site, tmp_path):
    copy = _copy(site.plain, tmp_path)
    whole = site.backup(copy).manifest
    for backup in ("20200101T000000Z-cut", "20200102T000000Z-newer", "20200103T000000Z-empty"):
        (copy / "backups" / backup).mkdir()
    (copy / "backups/20200101T000000Z-cut/manifest.json").write_text('{"format": 1')
    manifest_write(FolderPlace(copy), replace(whole, id="20200102T000000Z-newer", format=FORMAT + 1))
    manifest_write(FolderPlace(copy), replace(whole, id="20200103T000000Z-empty", files={}))
    out = StringIO()
    with pytest.raises(CommandError, match="3 backups there cannot be read"):
        call_command("backup", "list", str(copy), stdout=out)
    cut, newer, empty, last = out.getvalue().splitlines()
    assert cut.startswith("20200101T000000Z-cut: backup.damaged")
    assert newer.startswith("20200102T000000Z-newer: backup.newer")
    assert empty.startswith("20200103T000000Z-empty: backup.damaged")
    assert last.startswith(f"{whole.id}: database ")

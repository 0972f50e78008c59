"""Backups in a bucket: as in a folder, and one writer at a time although no kernel watches over a lock there."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial
from hashlib import sha256
from io import BytesIO, StringIO
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import override_settings

from retrieval_site.errors import AppError
from tests.support.at_once import at_once
from tests.support.bucket_storage import blobs_in
from workers.backup import bucket as bucket_module
from workers.backup import create as create_module
from workers.backup import prune as prune_module
from workers.backup.bucket import BucketPlace, _Lock, bucket_place
from workers.backup.create import backup_create
from workers.backup.manifest import newest
from workers.backup.places import place_of
from workers.backup.prune import Pruned, backups_prune
from workers.backup.restore import backup_open, backup_verify
from workers.backup.sealing import Sealing, identity_make
from workers.models import Blob
from workers.s3.client import NEW, S3Client
from workers.storage.blobs import blob_open, blob_store
from workers.storage.sweeping import blob_remove_unused

NONE = Sealing()


@pytest.fixture
def place(buckets, request):
    """The address of an empty place, and the settings that open it."""
    name = f"backups-{abs(hash(request.node.name))}"
    with override_settings(CONFIG=replace(settings.CONFIG, backup_s3=buckets.config(name))):
        yield f"s3://{name}/site"


@pytest.mark.django_db(transaction=True)
def test_a_second_backup_copies_only_what_is_new(place, buckets, tmp_path):
    there = place_of(place)
    identity, recipient = identity_make()
    with blobs_in(buckets.config("site-of-backups"), tmp_path):
        old = blob_store(b"old" * 100_000, "image/png")
        assert backup_create(place=there, sealing=NONE).copied == 1
        blob_store(b"new", "image/png")
        made = backup_create(place=there, sealing=NONE)
        assert (made.copied, made.copied_bytes) == (1, 3)
        sealed = backup_create(place=there, sealing=Sealing((recipient,)))
        assert backup_verify(backup_open(there, sealed.manifest.id, Sealing(identities=(identity,)))) == 2
        assert backup_verify(backup_open(there, made.manifest.id, NONE)) == 2
        assert blob_remove_unused(old.pk)
        backup_create(place=there, sealing=NONE)
        assert backups_prune(place=there, keep=1) == Pruned(3, 3)
        (left,) = there.names("blobs")
        assert left.endswith(Blob.objects.get().storage_name)
        buckets.boto.put_object(Bucket=place.split("/")[2], Key=f"site/{left}", Body=b"neu")
        with pytest.raises(AppError, match=r"backup\.damaged"):
            backup_verify(backup_open(there, newest(there), NONE))


@pytest.mark.django_db(transaction=True)
def test_the_drill_goes_by_a_bucket_and_leaves_the_buckets_of_the_site_alone(
    place, buckets, tmp_path, monkeypatch
):
    given = settings.CONFIG.backup_s3
    monkeypatch.setenv("BLOB_STORE", "s3")
    monkeypatch.setenv("BLOB_S3_BUCKET", "drilled")
    for name, value in {"ENDPOINT": given.endpoint, "REGION": given.region}.items():
        monkeypatch.setenv(f"BLOB_S3_{name}", value)
    monkeypatch.setenv("BLOB_S3_KEY_ID", given.key_id)
    monkeypatch.setenv("BLOB_S3_SECRET", given.key_secret)
    with blobs_in(buckets.config("drilled"), tmp_path):
        blob = blob_store(b"a bundle", "application/zip")
        out = StringIO()
        call_command("backup", "drill", place, "--new", "--folder", str(tmp_path), stdout=out)
        assert "1 files are equal" in out.getvalue()
        assert buckets.keys("drilled") == [blob.storage_name]


def test_one_at_a_time_writes(place, monkeypatch):
    first, second = bucket_place(place), bucket_place(place)
    monkeypatch.setattr(bucket_module, "RENEWED_SECONDS", 0.01)
    with first.locked(), pytest.raises(AppError, match=r"backup\.busy"), second.locked():
        pass
    with second.locked():
        pass
    monkeypatch.setattr(bucket_module, "LEFT_SECONDS", -1.0)  # as if the first slept for longer
    monkeypatch.setattr(bucket_module, "RENEWED_SECONDS", 60.0)
    with pytest.raises(AppError, match=r"backup\.lock_lost"), first.locked(), second.locked():
        pass


def other_takes_it(monkeypatch, place: str) -> None:
    """Let another writer take the lock of a place, as after a machine slept for longer than it counts."""
    with monkeypatch.context() as patch:
        patch.setattr(bucket_module, "LEFT_SECONDS", -1.0)
        _Lock(bucket_place(place)._client).take()


@pytest.mark.django_db(transaction=True)
def test_who_lost_the_lock_writes_no_manifest_and_deletes_nothing_more(place, monkeypatch, buckets):
    name = place.split("/")[2]
    there = place_of(place)
    backup_create(place=there, sealing=NONE)
    for number in range(3):
        there.put(f"blobs/plain/00/{number}", lambda file: file.write(b"unused"))
    before = buckets.keys(name)

    read = create_module.contents
    monkeypatch.setattr(create_module, "contents", lambda: other_takes_it(monkeypatch, place) or read())
    with pytest.raises(AppError, match=r"backup\.lock_lost"):
        backup_create(place=there, sealing=NONE)
    assert [key for key in buckets.keys(name) if key.endswith("manifest.json")] == [
        key for key in before if key.endswith("manifest.json")
    ]

    buckets.boto.delete_object(Bucket=name, Key="site/lock")
    monkeypatch.setattr(prune_module, "LOCK_CHECK_EVERY", 1)
    delete = BucketPlace.delete

    def taken_after(self, name):
        delete(self, name)
        other_takes_it(monkeypatch, place)

    monkeypatch.setattr(BucketPlace, "delete", taken_after)
    left = len(list(there.names("blobs"))) + len(list(there.names("backups")))
    with pytest.raises(AppError, match=r"backup\.lock_lost"):
        backups_prune(place=there, keep=1)
    assert len(list(there.names("blobs"))) + len(list(there.names("backups"))) == left - 1


def left_by_a_writer_that_is_gone(place, monkeypatch) -> None:
    bucket_place(place)._client.put("lock", BytesIO(b"gone"), 4, sha256(b"gone").hexdigest())
    monkeypatch.setattr(bucket_module, "LEFT_SECONDS", -1.0)


def others_also_saw_it(monkeypatch, other) -> list[str]:
    """Let another writer take the stale lock between our look at it and our writing; return how it went there."""
    head, said = S3Client.head, []

    def stale(client, key):
        known = head(client, key)
        if not said:
            said.append("")
            said[0] = taken(other)
        return known

    monkeypatch.setattr(S3Client, "head", stale)
    return said


def taken(lock) -> str:
    try:
        lock.take()
    except AppError as error:
        return error.id
    return "taken"


def test_of_two_who_find_a_stale_lock_one_takes_it(place, monkeypatch):
    left_by_a_writer_that_is_gone(place, monkeypatch)
    late, quick = (_Lock(bucket_place(place)._client) for _ in range(2))
    said = others_also_saw_it(monkeypatch, quick)
    assert taken(late) == "backup.busy"
    assert said == ["taken"]
    assert quick.release()
    assert taken(late) == "taken"


def test_where_the_service_knows_no_conditions_one_takes_it_too_and_that_is_said(place, monkeypatch, caplog):
    put = S3Client.put
    monkeypatch.setattr(S3Client, "put", lambda *args: put(*args[:5]))
    together = threading.Barrier(3)  # all have written before one looks
    monkeypatch.setattr(bucket_module, "time", SimpleNamespace(sleep=lambda _: together.wait(20)))
    left_by_a_writer_that_is_gone(place, monkeypatch)
    found = at_once(*(partial(taken, _Lock(bucket_place(place)._client)) for _ in range(3)))
    assert sorted(found) == ["backup.busy", "backup.busy", "taken"]
    assert "knows no conditional writes" in caplog.text


def test_a_service_that_refuses_conditions_is_asked_without(place, monkeypatch, caplog):
    put = S3Client.put

    def refusing(*args):
        if len(args) > 5:
            raise NotImplementedError
        return put(*args)

    monkeypatch.setattr(S3Client, "put", refusing)
    monkeypatch.setattr(bucket_module, "SETTLE_SECONDS", 0.0)
    first, second = bucket_place(place), bucket_place(place)
    with first.locked(), pytest.raises(AppError, match=r"backup\.busy"), second.locked():
        pass
    with second.locked():
        pass
    assert "knows no conditional writes" in caplog.text


def test_a_lock_whose_answer_was_lost_is_ours_all_the_same(place, monkeypatch):
    put, lost = S3Client.put, []

    def answer_lost(*args):
        put(*args)
        if not lost:
            lost.append(True)
            return put(*args)  # as a request that is sent once more: what it asks for is there
        return put(*args[:5])

    lock = _Lock(bucket_place(place)._client)
    with monkeypatch.context() as patch:
        patch.setattr(S3Client, "put", answer_lost)
        assert lock._written(NEW)
    assert lost
    assert lock.release()


def test_a_lock_is_renewed_when_the_service_was_away_for_a_moment(place, monkeypatch):
    monkeypatch.setattr(bucket_module, "RENEWED_SECONDS", 0.01)
    put, renewed = S3Client.put, threading.Event()
    answers = iter([AppError("storage.unreachable")])

    def away_once(*args):
        for error in answers:
            raise error
        renewed.set()
        return put(*args)

    first, second = bucket_place(place), bucket_place(place)
    with first.locked():
        with pytest.raises(AppError, match=r"backup\.busy"), second.locked():
            pass
        monkeypatch.setattr(S3Client, "put", away_once)
        assert renewed.wait(10)


@pytest.mark.parametrize(("own", "backups"), [("site/blobs/", "site"), ("", ""), ("x/", "")])
def test_the_site_s_own_files_may_not_lie_among_its_backups(place, own, backups):
    name = place.split("/")[2]
    blobs = replace(settings.CONFIG.backup_s3, bucket=name, prefix=own)
    with override_settings(CONFIG=replace(settings.CONFIG, blob_s3=blobs)):
        with pytest.raises(AppError, match=r"backup\.place_not_supported: .*own files"):
            place_of(f"s3://{name}/{backups}")
        place_of(f"s3://{name}/elsewhere")
        place_of("s3://another-bucket")


@pytest.mark.parametrize("sealing", [NONE, Sealing((identity_make()[1],))], ids=["plain", "sealed"])
@pytest.mark.django_db(transaction=True)
def test_a_blob_that_is_damaged_in_its_bucket_is_named_and_the_rest_backed_up(
    place, buckets, tmp_path, sealing
):
    config = buckets.config(f"damaged-{len(sealing.recipients)}")
    with blobs_in(config, tmp_path):
        damaged = blob_store(b"whole", "image/png")
        blob_store(b"another", "image/png")
        buckets.boto.put_object(Bucket=config.bucket, Key=damaged.storage_name, Body=b"wh?le")
        made = backup_create(place=place_of(place), sealing=sealing)
        assert (made.copied, made.manifest.missing) == (1, [damaged.pk])


@pytest.mark.parametrize("store", ["s3", "folder"])
@pytest.mark.django_db(transaction=True)
def test_a_file_that_is_damaged_where_it_lies_is_replaced(place, buckets, tmp_path, store):
    config = buckets.config(f"mended-{store}")
    with blobs_in(config, tmp_path, store=store):
        damaged = blob_store(b"whole", "image/png")
        backup_create(place=place_of(place), sealing=NONE)
        if store == "s3":
            buckets.boto.put_object(Bucket=config.bucket, Key=damaged.storage_name, Body=b"wh?le")
        else:
            (tmp_path / "blobs" / damaged.storage_name).write_bytes(b"wh?le")
        out = StringIO()
        call_command("restore", place, "--files-only", stdout=out)
        assert "1 files: 1 were missing or damaged" in out.getvalue()
        with blob_open(damaged) as file:
            assert file.read() == b"whole"


@pytest.mark.parametrize("address", ["ftp://somewhere", "s3://B", "s3://"])
def test_other_addresses_are_refused(address):
    with pytest.raises(AppError, match=r"backup\.place_not_supported"):
        place_of(address)

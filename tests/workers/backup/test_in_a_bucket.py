"""Backups in a bucket: as in a folder, and one writer at a time although no kernel watches over a lock there."""

from __future__ import annotations

import threading
from dataclasses import replace
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import override_settings

from retrieval_site.errors import AppError
from tests.support.bucket_storage import blobs_in
from workers.backup import bucket as bucket_module
from workers.backup.bucket import BucketPlace, bucket_place
from workers.backup.create import backup_create
from workers.backup.manifest import newest
from workers.backup.places import place_of
from workers.backup.prune import Pruned, backups_prune
from workers.backup.restore import backup_open, backup_verify
from workers.backup.sealing import Sealing, identity_make
from workers.models import Blob
from workers.s3.client import S3Client
from workers.storage.blobs import blob_store
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


def test_a_lock_holds_where_the_service_knows_no_condition_and_when_it_is_away_for_a_moment(
    place, monkeypatch
):
    put, holder, renewed = S3Client.put, BucketPlace._holder, threading.Event()

    def put_over(*args, new=False):
        put(*args)

    monkeypatch.setattr(S3Client, "put", put_over)
    monkeypatch.setattr(bucket_module, "RENEWED_SECONDS", 0.01)
    answers = iter([AppError("storage.unreachable")])

    def away_once(self):
        for error in answers:
            raise error
        renewed.set()
        return holder(self)

    first, second = bucket_place(place), bucket_place(place)
    with first.locked():
        with pytest.raises(AppError, match=r"backup\.busy"), second.locked():
            pass
        monkeypatch.setattr(BucketPlace, "_holder", away_once)
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


@pytest.mark.parametrize("address", ["ftp://somewhere", "s3://B", "s3://"])
def test_other_addresses_are_refused(address):
    with pytest.raises(AppError, match=r"backup\.place_not_supported"):
        place_of(address)

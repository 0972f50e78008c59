"""Backups in a bucket: as in a folder, and one writer at a time although no kernel watches over a lock there."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import override_settings

from retrieval_site.errors import AppError
from tests.support.bucket_storage import blobs_in
from workers.backup import bucket as bucket_module
from workers.backup.bucket import bucket_place
from workers.backup.create import backup_create
from workers.backup.manifest import newest
from workers.backup.places import place_of
from workers.backup.prune import Pruned, backups_prune
from workers.backup.restore import backup_open, backup_verify
from workers.backup.sealing import Sealing, identity_make
from workers.models import Blob
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


@pytest.mark.parametrize("address", ["ftp://somewhere", "s3://B", "s3://"])
def test_other_addresses_are_refused(address):
    with pytest.raises(AppError, match=r"backup\.place_not_supported"):
        place_of(address)

"""Blobs in a bucket: the same promises as in a folder, and the way there and back while others read and write."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from io import StringIO

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from models_admin.files import blob_on_disk
from retrieval_site.errors import AppError
from retrieval_site.health.checks import CheckFailedError
from tests.support.bucket_storage import blobs_in
from tests.support.web import free_port
from workers.models import Blob
from workers.s3 import client as client_module
from workers.storage import moving
from workers.storage.blobs import blob_open, blob_store, file_put
from workers.storage.bucket import check_storage
from workers.storage.sweeping import blob_remove_unused

pytestmark = pytest.mark.django_db


@pytest.fixture
def bucket(buckets, request):
    return buckets.config(re.sub(r"[^a-z]+", "-", request.node.name.lower())[:50].strip("-"), "blobs/")


def _read(blob):
    with blob_open(blob) as file:
        return file.read()


def test_the_same_bytes_are_one_object_and_a_cut_off_one_is_replaced(bucket, buckets, tmp_path):
    with blobs_in(bucket, tmp_path):
        blob = blob_store(b"a pump", "image/png")
        assert blob_store(ContentFile(b"a pump"), "image/png") == blob
        key = f"blobs/{blob.storage_name}"
        assert buckets.keys(bucket.bucket) == [key]
        assert not (tmp_path / "blobs").exists()
        assert _read(blob) == b"a pump"
        buckets.boto.put_object(Bucket=bucket.bucket, Key=key, Body=b"a pu")
        with pytest.raises(AppError, match=r"blob\.damaged"):
            _read(blob)
        blob_store(b"a pump", "image/png")
        assert _read(blob) == b"a pump"
        with blob_on_disk(blob) as path:
            assert path.read_bytes() == b"a pump"
        assert blob_remove_unused(blob.pk)
        assert buckets.keys(bucket.bucket) == []
        with pytest.raises(AppError, match=r"blob\.missing"):
            blob_open(blob)


def test_a_bucket_that_is_away_is_told_by_an_id_and_by_the_probe(bucket, tmp_path, monkeypatch):
    monkeypatch.setattr(client_module, "WAIT_SECONDS", 0.001)
    with blobs_in(bucket, tmp_path):
        assert check_storage() == "answers"
    with blobs_in(replace(bucket, endpoint=f"http://127.0.0.1:{free_port()}"), tmp_path):
        with pytest.raises(AppError) as caught:
            blob_store(b"never there", "image/png")
        (tmp_path / "blobs").mkdir()
        (tmp_path / "blobs" / "kept").touch()
        with pytest.raises(AppError, match=r"storage\.unreachable"):
            default_storage.delete("kept")
        assert default_storage.open("kept").read() == b""
        assert (caught.value.id, caught.value.status) == ("storage.unreachable", 503)
        assert not Blob.objects.exists()
        with pytest.raises(CheckFailedError, match="does not answer"):
            check_storage()


def _moved(to, parallel=1):
    out = StringIO()
    call_command("move_blobs", "--to", to, "--parallel", str(parallel), stdout=out, stderr=StringIO())
    return out.getvalue()


def test_blobs_move_there_and_back_and_are_read_all_the_while(bucket, buckets, tmp_path, monkeypatch):
    with blobs_in(bucket, tmp_path, "folder"):
        blobs = [blob_store(f"picture {number}".encode(), "image/png") for number in range(6)]
        small = f"thumbnails/320/{blobs[0].sha256[:2]}/{blobs[0].sha256}.jpg"
        file_put(small, ContentFile(b"small"), 5)
        (tmp_path / "blobs" / blobs[5].storage_name).write_bytes(b"damaged!!")
        with pytest.raises(CommandError, match="BLOB_STORE=s3"):
            _moved("s3")
    with blobs_in(bucket, tmp_path) as storage:
        (tmp_path / "blobs/ab").mkdir(exist_ok=True)
        (tmp_path / "blobs/ab/stranger").write_bytes(b"?")
        assert [_read(blob) for blob in blobs[:5]] == [f"picture {number}".encode() for number in range(5)]
        blob_store(b"picture 1", "image/png")  # still in the folder: not stored twice
        assert buckets.keys(bucket.bucket) == []
        _breaks_off_after(monkeypatch, 2)
        with pytest.raises(CommandError, match=r"storage\.unreachable"):
            _moved("s3")
        assert len(buckets.keys(bucket.bucket)) == 2
        assert [_read(blob) for blob in blobs[:5]] == [f"picture {number}".encode() for number in range(5)]
        with pytest.raises(
            CommandError, match=f"1 damaged files stay where they were: {blobs[5].storage_name}"
        ):
            _moved("s3")
        left = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
        assert sorted(path.name for path in left) == sorted([blobs[5].sha256, "stranger"])
        assert len(buckets.keys(bucket.bucket)) == 6
        assert storage.open(small).read() == b"small"
        blobs.append(blob_store(b"picture 6", "image/png"))
    with blobs_in(bucket, tmp_path, "folder"):
        assert "7 files moved" in _moved("folder")
        assert buckets.keys(bucket.bucket) == []
        assert [_read(blob) for blob in (*blobs[:5], blobs[6])] == [
            f"picture {n}".encode() for n in (0, 1, 2, 3, 4, 6)
        ]


def test_what_lies_in_the_bucket_beside_the_blobs_stays_there(buckets, tmp_path):
    config = buckets.config("shared-with-backups")
    with blobs_in(config, tmp_path):
        blob = blob_store(b"backed up", "image/png")
    others = [f"backups/blobs/plain/{blob.storage_name}", f"../{blob.storage_name}"]
    for key in others:
        buckets.boto.put_object(Bucket=config.bucket, Key=key, Body=b"backed up")
    with blobs_in(config, tmp_path, "folder"):
        assert "1 files moved" in _moved("folder")
        assert sorted(buckets.keys(config.bucket)) == sorted(others)


def test_a_damaged_file_in_the_folder_does_not_cost_the_good_one_in_the_bucket(bucket, buckets, tmp_path):
    with blobs_in(bucket, tmp_path):
        blob = blob_store(b"whole", "image/png")
    with blobs_in(bucket, tmp_path, "folder"):
        path = tmp_path / "blobs" / blob.storage_name
        path.parent.mkdir(parents=True)
        path.write_bytes(b"wh?le")
        with pytest.raises(CommandError, match="1 damaged files stay"):
            _moved("folder")
        assert buckets.keys(bucket.bucket) == [f"blobs/{blob.storage_name}"]


def _breaks_off_after(monkeypatch, files):
    store, stored = moving.object_store, []

    def breaking(*args):
        if len(stored) == files:
            monkeypatch.setattr(moving, "object_store", store)
            raise AppError("storage.unreachable")
        stored.append(store(*args))

    monkeypatch.setattr(moving, "object_store", breaking)


def test_a_file_that_moves_back_between_two_looks_is_found(bucket, tmp_path):
    with blobs_in(bucket, tmp_path) as storage:
        blob = blob_store(b"on its way", "image/png")
    with blobs_in(bucket, tmp_path, "folder") as storage:
        look, looks = storage._in_folder, []

        def late(name):
            looks.append(name)
            if len(looks) == 1:
                with pytest.raises(FileNotFoundError):
                    look(name)
                _moved("folder")
                raise FileNotFoundError
            return look(name)

        storage._in_folder = late
        assert _read(blob) == b"on its way"
        assert len(looks) == 2


@pytest.mark.django_db(transaction=True)
def test_no_blob_is_removed_while_it_moves(bucket, buckets, tmp_path, monkeypatch):
    with blobs_in(bucket, tmp_path, "folder"):
        blob = blob_store(b"unused", "image/png")
    with blobs_in(bucket, tmp_path):
        store, removed = moving.object_store, []

        def meanwhile(*args):
            def remove():
                removed.append(blob_remove_unused(blob.pk))
                connection.close()

            thread = threading.Thread(target=remove)
            thread.start()
            thread.join()
            store(*args)

        monkeypatch.setattr(moving, "object_store", meanwhile)
        _moved("s3")
        assert removed == [False]
        with transaction.atomic():
            assert blob_remove_unused(blob.pk)
        assert buckets.keys(bucket.bucket) == []


@pytest.mark.django_db(transaction=True)
def test_many_move_at_once(bucket, buckets, tmp_path):
    with blobs_in(bucket, tmp_path, "folder"):
        for number in range(40):
            blob_store(b"%d" % number, "image/png")
    with blobs_in(bucket, tmp_path):
        assert "40 files moved" in _moved("s3", parallel=4)
        assert len(buckets.keys(bucket.bucket)) == 40
        assert "0 files moved" in _moved("s3", parallel=4)
    with blobs_in(bucket, tmp_path, "folder"):
        assert "40 files moved" in _moved("folder", parallel=4)
        assert {_read(blob) for blob in Blob.objects.all()} == {b"%d" % number for number in range(40)}

"""Blobs: the same bytes are one file and one row, and nobody ever sees half a file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, default_storage

from retrieval_site.errors import AppError
from workers.models import Blob
from workers.storage import blobs, folder
from workers.storage.blobs import blob_of, blob_open, blob_store, file_put, row_put

pytestmark = pytest.mark.django_db


def _path(blob: Blob) -> Path:
    return Path(default_storage.path(blob.storage_name))


def test_what_was_stored_is_read_back_under_its_hash():
    blob = blob_store(b"a pump", "text/plain")
    assert blob.sha256 == hashlib.sha256(b"a pump").hexdigest()
    assert (blob.size, blob.content_type) == (6, "text/plain")
    with blob_open(blob) as file:
        assert file.read() == b"a pump"


def test_the_same_bytes_twice_are_one_row_and_are_not_written_again():
    first = blob_store(b"twice", "text/plain")
    written = _path(first).stat().st_mtime_ns
    second = blob_store(ContentFile(b"twice"), "image/png")
    assert first == second
    assert Blob.objects.filter(sha256=first.sha256).count() == 1
    assert _path(first).stat().st_mtime_ns == written


def test_a_file_that_was_cut_off_is_replaced_by_the_whole_one():
    blob = blob_store(b"complete", "text/plain")
    _path(blob).write_bytes(b"comp")
    blob_store(b"complete", "text/plain")
    assert _path(blob).read_bytes() == b"complete"


def test_a_write_that_fails_leaves_neither_the_blob_nor_a_remnant(monkeypatch):
    def broken(*_args, **_options):
        raise OSError("disk full")

    monkeypatch.setattr(folder.shutil, "copyfileobj", broken)
    with pytest.raises(OSError, match="disk full"):
        blob_store(b"never there", "text/plain")
    sha256 = hashlib.sha256(b"never there").hexdigest()
    root = Path(default_storage.path(""))
    assert not (root / sha256[:2] / sha256).exists()
    assert list((root / folder.INCOMING).iterdir()) == []


def test_a_blob_that_the_storage_lost_is_an_error_with_an_id():
    with pytest.raises(AppError) as caught:
        blob_open(Blob(sha256="0" * 64, size=1, content_type="text/plain"))
    assert caught.value.id == "blob.missing"


def test_an_object_store_keeps_one_copy_however_often_the_bytes_come(monkeypatch):
    storage = InMemoryStorage()
    monkeypatch.setattr(blobs, "default_storage", storage)
    for _ in range(2):
        blob = blob_store(b"in the cloud", "text/plain")
    assert storage.listdir(blob.sha256[:2])[1] == [blob.sha256]
    with blob_open(blob) as file:
        assert file.read() == b"in the cloud"


def test_a_caller_in_a_hurry_stores_the_same_blob_by_row_and_file():
    blob = blob_of(b"a preview", "image/jpeg")
    row_put(blob)
    row_put(blob)
    file_put(blob.storage_name, ContentFile(b"a preview"), blob.size, durable=False)
    assert Blob.objects.get(pk=blob.pk).size == 9
    assert blob_store(b"a preview", "image/jpeg").pk == blob.pk
    with blob_open(blob) as file:
        assert file.read() == b"a preview"


def test_names_survive_a_power_cut_where_the_row_will(monkeypatch, tmp_path):
    flushed = []
    monkeypatch.setattr(folder, "folder_sync", flushed.append)
    path = tmp_path / "blobs" / "ab" / "abc"
    folder.folder_put(path, ContentFile(b"12"), 2, durable=False)
    assert flushed == []
    folder.folder_put(path.with_name("abd"), ContentFile(b"12"), 2, durable=True)
    assert flushed == [path.parent]
    flushed.clear()
    folder.folder_put(tmp_path / "blobs" / "cd" / "cde", ContentFile(b"12"), 2, durable=True)
    assert flushed == [tmp_path / "blobs" / "cd", tmp_path / "blobs"]
    flushed.clear()
    folder.folder_put(tmp_path / "new" / "ab" / "abc", ContentFile(b"12"), 2, durable=True)
    assert flushed == [tmp_path / "new" / "ab", tmp_path / "new", tmp_path]

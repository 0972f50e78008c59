"""Stored files that have no row go after a day, and nothing that has one, or is about to have one, does."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from retrieval_site.errors import AppError
from search.job_types import SWEEP_FILES
from tests.support.bucket_storage import blobs_in
from workers.jobs.daily import start_daily
from workers.jobs.runner import run_job_inline
from workers.models import Blob
from workers.storage import strays
from workers.storage.blobs import blob_of, blob_open, blob_store, file_put
from workers.storage.strays import strays_sweep
from workers.storage.sweeping import Swept, blobs_sweep

pytestmark = pytest.mark.django_db(transaction=True)
DAY_AGO = 86_500


@pytest.fixture(autouse=True)
def storage(settings, tmp_path):
    """An empty storage, whose files the tests make old."""
    settings.STORAGES = settings.STORAGES | {
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "blobs")},
        }
    }
    return tmp_path / "blobs"


def age() -> None:
    then = time.time() - DAY_AGO
    for path in Path(default_storage.path("")).rglob("*"):
        os.utime(path, (then, then))


def rolled_back(content: bytes) -> Blob:
    """Store a file in a transaction that does not commit, as an upload that fails does."""
    with suppress(ZeroDivisionError), transaction.atomic():
        blob = blob_store(content, "image/png")
        small = f"thumbnails/320/{blob.storage_name}.jpg"
        file_put(small, ContentFile(b"small"), 5)
        raise ZeroDivisionError
    return blob


def names() -> list[str]:
    root = Path(default_storage.path(""))
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_a_file_whose_row_was_rolled_back_goes_after_a_day_with_its_small_copies():
    kept, lost = blob_store(b"kept", "image/png"), rolled_back(b"lost")
    (Path(default_storage.path("")) / "ab").mkdir(exist_ok=True)
    default_storage.save("ab/of-somebody-else", ContentFile(b"?"))
    assert strays_sweep() == Swept(0, 0)
    age()
    out = StringIO()
    call_command("blobs_sweep", "--dry-run", stdout=out)
    assert "2 files would be removed" in out.getvalue()
    assert default_storage.exists(lost.storage_name)
    assert strays_sweep() == Swept(2, 9)
    assert names() == sorted(["ab/of-somebody-else", kept.storage_name])
    assert strays_sweep() == Swept(0, 0)


def test_the_daily_job_removes_it():
    blob_store(b"kept", "image/png")
    assert [job for job in start_daily() if job.type == SWEEP_FILES.name] == []
    rolled_back(b"lost")
    age()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE workers_blob SET created_at = now() - interval '2 days'")
    (job,) = [job for job in start_daily() if job.type == SWEEP_FILES.name]
    assert run_job_inline(job).result["removed"] == 3  # the kept one has no reference either
    assert names() == []


def test_small_copies_of_what_is_gone_go_and_of_what_is_there_stay():
    kept, gone = (blob_store(content, "image/png") for content in (b"kept", b"gone"))
    for blob in (kept, gone):
        file_put(f"thumbnails/960/{blob.storage_name}.jpg", ContentFile(b"small"), 5)
    Blob.objects.filter(pk=gone.pk).delete()
    age()
    assert strays_sweep() == Swept(2, 9)
    assert names() == sorted([kept.storage_name, f"thumbnails/960/{kept.storage_name}.jpg"])


def test_while_a_backup_copies_none_goes():
    rolled_back(b"lost")
    age()
    known = connection.settings_dict
    with psycopg.connect(host=known["HOST"], user="postgres", dbname=known["NAME"], autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(hashtext('removals of blobs'))")
        assert strays_sweep() == Swept(0, 0)
        other.execute("SELECT pg_advisory_unlock_all()")
    assert strays_sweep() == Swept(2, 9)


def test_a_file_that_is_stored_again_just_now_stays(monkeypatch):
    """Its row is not committed: the sweep does not see it, and the writer found the file there."""
    lost = rolled_back(b"lost and found")
    age()
    monkeypatch.setattr(strays, "ROW_WAIT", "100ms")
    known = connection.settings_dict
    with psycopg.connect(host=known["HOST"], user="postgres", dbname=known["NAME"]) as writer:
        writer.execute(
            "INSERT INTO workers_blob (sha256, size, content_type, created_at) VALUES (%s, 14, 'image/png', now())",
            [lost.pk],
        )
        assert strays_sweep() == Swept(0, 0)
        writer.commit()
    assert default_storage.exists(lost.storage_name)
    assert strays_sweep() == Swept(0, 0)
    with blob_open(Blob.objects.get(pk=lost.pk)) as file:
        assert file.read() == b"lost and found"


def test_storage_of_another_database_is_left_alone_unless_somebody_insists():
    for number in range(12):
        file_put(blob_of(b"%d" % number, "image/png").storage_name, ContentFile(b"%d" % number), 1)
    for number in range(11):
        blob_store(b"kept %d" % number, "image/png")
    age()
    with pytest.raises(AppError, match=r"blob\.unnamed: 12 of 23"):
        strays_sweep()
    with pytest.raises(CommandError, match=r"blob\.unnamed"):
        call_command("blobs_sweep", stdout=StringIO())
    assert len(names()) == 23
    blob_store(b"one more", "image/png")
    assert strays_sweep(dry_run=True).blobs == 12
    call_command("blobs_sweep", "--over-half", stdout=StringIO())
    assert len(names()) == 12


def test_many_are_left_to_the_next_sweep(monkeypatch):
    monkeypatch.setattr(strays, "AT_ONCE", 1)
    for number in range(3):
        file_put(blob_of(b"%d" % number, "image/png").storage_name, ContentFile(b"%d" % number), 1)
    age()
    assert [strays_sweep().blobs for _ in range(4)] == [1, 1, 1, 0]


def test_in_a_bucket_too(buckets, tmp_path, monkeypatch):
    with blobs_in(buckets.config("strays", "blobs/"), tmp_path):
        kept, lost = blob_store(b"kept", "image/png"), rolled_back(b"lost")
        assert strays_sweep() == Swept(0, 0)
        assert blobs_sweep() == Swept(0, 0)
        monkeypatch.setattr(strays, "YOUNG", -strays.YOUNG)
        assert strays_sweep() == Swept(2, 9)
        assert buckets.keys("strays") == [f"blobs/{kept.storage_name}"]
        assert not default_storage.exists(lost.storage_name)

"""The sweep removes what nothing refers to, and never what somebody is about to."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from io import StringIO

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.utils import timezone

from models_admin.models import ModelVersion
from search.job_types import SWEEP_FILES
from tests.support.corpus import make_collection, picture
from tests.support.pages import save_document
from workers.jobs.daily import start_daily
from workers.jobs.runner import run_job_inline
from workers.models import Blob, Job
from workers.storage.blobs import blob_store
from workers.storage.sweeping import Swept, blobs_sweep

pytestmark = pytest.mark.django_db


def _age(**ago: float) -> None:
    Blob.objects.update(created_at=timezone.now() - timedelta(**ago))


def test_an_old_blob_without_a_reference_goes_with_its_file():
    blob = blob_store(b"nobody's", "image/png")
    _age(hours=2)
    assert blobs_sweep() == Swept(1, 8)
    assert not Blob.objects.exists()
    assert not default_storage.exists(blob.storage_name)


def test_a_daily_job_removes_it():
    blob_store(b"nobody's", "image/png")
    assert [job for job in start_daily() if job.type == SWEEP_FILES.name] == []
    _age(hours=2)
    (job,) = [job for job in start_daily() if job.type == SWEEP_FILES.name]
    assert run_job_inline(job).result["removed"] == 1
    assert not Blob.objects.exists()


def test_a_dry_run_counts_and_removes_nothing():
    blob = blob_store(b"nobody's", "image/png")
    _age(hours=2)
    out = StringIO()
    call_command("blobs_sweep", "--dry-run", stdout=out)
    assert "1 files would be removed" in out.getvalue()
    assert default_storage.exists(blob.storage_name)


def test_what_a_killed_process_left_half_written_goes_after_a_day(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    old, young = tmp_path / "blobs" / "incoming" / "old", tmp_path / "blobs" / "incoming" / "young"
    partial, version = tmp_path / "versions" / ".abc.1234", tmp_path / "versions" / "abc"
    for path in (old, young, partial / "weights", version / "weights"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"12345")
    day_ago = time.time() - 86_500
    for path in (old, partial, version):
        os.utime(path, (day_ago, day_ago))
    assert blobs_sweep(dry_run=True) == Swept(2, 10)
    assert blobs_sweep() == Swept(2, 10)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["weights", "young"]
    assert version.is_dir()


def test_a_young_blob_stays():
    blob_store(b"just uploaded", "image/png")
    _age(minutes=50)
    assert blobs_sweep() == Swept(0, 0)


def test_storing_old_bytes_again_makes_them_young():
    blob_store(b"again", "image/png")
    _age(hours=2)
    blob_store(b"again", "image/png")
    assert blobs_sweep() == Swept(0, 0)


def test_pictures_bundles_and_their_converted_forms_stay():
    save_document(make_collection("notes"), "1", title="Pump", pictures=[picture((200, 0, 0))])
    bundle, served = (blob_store(word, "application/zip") for word in (b"bundle", b"served"))
    ModelVersion.objects.create(name="tiny", number=1, bundle=bundle, served=served)
    kept = Blob.objects.count()
    _age(days=400)
    assert blobs_sweep() == Swept(0, 0)
    assert Blob.objects.count() == kept


@pytest.mark.parametrize(
    ("state", "days", "gone"),
    [("queued", 90, False), ("paused", 90, False), ("succeeded", 29, False), ("succeeded", 31, True)],
)
def test_an_import_file_stays_while_its_job_may_need_it(state, days, gone):
    blob = blob_store(b"{}", "application/octet-stream")
    finished = timezone.now() - timedelta(days=days) if state == "succeeded" else None
    Job.objects.create(type="import", state=state, finished_at=finished, params={"blob": blob.pk})
    _age(days=days)
    assert blobs_sweep().blobs == int(gone)

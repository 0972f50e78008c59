"""The import job as a worker runs it: dry run, counts, failed items, resuming, retrying, importing twice."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace

import pytest
from django.core.files.base import ContentFile
from PIL import Image

from search.importers import job as job_module
from search.importers.types import ImportOptions
from search.models import Document, DocumentImage, Passage
from search.services.collections import collection_create, collection_delete
from search.services.imports import import_folder_start, import_start
from search.thumbnails import thumbnail_open
from workers.jobs import services
from workers.jobs.errors import JobStopped
from workers.jobs.runner import run_job_inline
from workers.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def corpus():
    return collection_create(name="Notes")


def jpeg(colour="red", size=(1600, 1200)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "JPEG")
    return buffer.getvalue()


def run(corpus, content, *, dry_run=False, name="notes.jsonl", **options):
    if not isinstance(content, bytes):
        content = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in content).encode()
    job = import_start(
        collection=corpus,
        file=ContentFile(content, name=name),
        options=ImportOptions(**options),
        dry_run=dry_run,
    )
    return run_job_inline(job)


def counts(job) -> tuple[int, int, int, int]:
    return tuple(job.result[name] for name in ("new", "changed", "unchanged", "failed"))


def warnings(job) -> set[str]:
    return {warning["id"] for warning in job.result["warnings"]}


def documents(count, **fields):
    return [{"id": f"d{n}", "body": f"Note {n}.", **fields} for n in range(count)]


def test_an_import_stores_documents_and_counts_them(corpus):
    job = run(corpus, documents(3))
    assert (job.state, job.done, job.total) == ("succeeded", 3, 3)
    assert counts(job) == (3, 0, 0, 0)
    assert Document.objects.filter(collection=corpus).count() == 3


def test_importing_twice_changes_nothing(corpus):
    run(corpus, documents(3))
    before = list(Passage.objects.order_by("pk").values())
    stamps = list(Document.objects.order_by("pk").values_list("updated_at", flat=True))
    job = run(corpus, documents(3))
    assert counts(job) == (0, 0, 3, 0)
    assert list(Passage.objects.order_by("pk").values()) == before
    assert list(Document.objects.order_by("pk").values_list("updated_at", flat=True)) == stamps


def test_a_dry_run_writes_nothing_and_counts_the_same(corpus):
    run(corpus, documents(2))
    lines = [*documents(2), {"id": "d1x", "title": "new"}, "{broken", {"id": "d9", "url": "javascript:x"}]
    lines[1] = {**lines[1], "title": "now with a title"}
    check = run(corpus, lines, dry_run=True)
    assert (check.state, check.stage) == ("succeeded", "check")
    assert Document.objects.count() == 2
    real = run(corpus, lines)
    assert counts(check) == counts(real) == (1, 1, 1, 2)
    for job in (check, real):
        assert [(item.key, item.error_id) for item in job.items.all()] == [
            ("line 4", "import.line_not_json"),
            ("line 5", "document.url_invalid"),
        ]


def test_a_file_that_cannot_be_read_at_all_fails_the_job_with_its_reason(corpus):
    job = run(corpus, b"title,colour\na,b\n", name="x.csv")
    assert (job.state, job.error_id) == ("failed", "import.unknown_field")
    assert "colour" in job.error


def zipped(**members) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "."), data)
    return buffer.getvalue()


def test_pictures_are_checked_stored_and_have_small_copies(corpus):
    lines = "\n".join(
        json.dumps({"id": n, "title": n, "images": [f"{n}.jpg"]}) for n in ("good", "cut", "none")
    )
    content = zipped(documents__jsonl=lines, good__jpg=jpeg(), cut__jpg=jpeg("blue")[:3000])
    check = run(corpus, content, dry_run=True, name="a.zip")
    assert not DocumentImage.objects.exists()
    job = run(corpus, content, name="a.zip")
    assert counts(job) == counts(check) == (1, 0, 0, 2)
    image = DocumentImage.objects.get()
    assert (image.width, image.height, image.blob.content_type) == (1600, 1200, "image/jpeg")
    with thumbnail_open(image.blob_id, 320) as small:
        assert Image.open(small).size == (320, 240)
    assert {item.error_id for item in job.items.all()} == {"image.truncated", "import.image_missing"}
    assert all("jpg" in item.reason for item in job.items.all())


@pytest.mark.parametrize("dry_run", [True, False])
def test_each_page_of_a_scan_becomes_a_picture_of_its_document(corpus, dry_run):
    pages = [Image.new("RGB", (200 + n, 150), colour) for n, colour in enumerate(("red", "green", "blue"))]
    buffer = io.BytesIO()
    pages[0].save(buffer, "TIFF", save_all=True, append_images=pages[1:])
    line = json.dumps({"id": "s", "body": "A scan.", "images": ["scan.tif"]})
    content = zipped(documents__jsonl=line, scan__tif=buffer.getvalue())
    job = run(corpus, content, dry_run=dry_run, name="scan.zip")
    assert counts(job) == (1, 0, 0, 0)
    images = DocumentImage.objects.filter(document__external_id="s").order_by("ordinal")
    assert [image.width for image in images] == ([] if dry_run else [200, 201, 202])
    for image in images:
        with thumbnail_open(image.blob_id, 320) as copy:
            assert Image.open(copy).size == (image.width, 150)


def test_an_empty_picture_is_called_empty_with_its_name(corpus):
    line = json.dumps({"id": "s", "body": "A note.", "images": ["zero.jpg"]})
    content = zipped(documents__jsonl=line, zero__jpg=b"")
    item = run(corpus, content, name="zero.zip").items.get()
    assert (item.error_id, item.reason) == ("image.empty", "“zero.jpg”: The file is empty.")


def test_a_folder_of_captions_with_its_pictures(corpus, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").write_bytes(jpeg())
    (tmp_path / "captions.txt").write_text("a.jpg#0\tA red thing .\na.jpg#1\tRed .\n")
    options = ImportOptions(per="caption")
    captions = run_job_inline(import_folder_start(collection=corpus, path=tmp_path, options=options))
    assert counts(captions) == (2, 0, 0, 0)
    assert warnings(captions) == {"import.pictures_unused"}
    other = collection_create(name="Pictures")
    pictures = run_job_inline(import_folder_start(collection=other, path=tmp_path))
    assert counts(pictures) == (1, 0, 0, 0)
    assert warnings(pictures) == set()
    document = Document.objects.get(collection=other)
    assert (document.external_id, document.images.count()) == ("a.jpg", 1)
    assert document.body == "A red thing .\nRed ."


@pytest.fixture
def killed_after_two_batches(monkeypatch):
    """Let the third batch of the next run die as if the worker were gone."""
    monkeypatch.setattr(job_module, "BATCH_DOCUMENTS", 2)
    original = job_module.ImportRun._batch
    calls = []

    def dying(self, batch):
        calls.append([position for position, _ in batch])
        if len(calls) == 3:
            raise JobStopped
        original(self, batch)

    monkeypatch.setattr(job_module.ImportRun, "_batch", dying)
    return calls


def test_a_killed_import_goes_on_where_its_last_batch_ended(corpus, killed_after_two_batches):
    job = run(corpus, [*documents(3), "broken", *documents(7)[3:]])
    assert (job.state, job.result["position"]) == ("queued", 4)
    job = run_job_inline(job)
    assert killed_after_two_batches == [[1, 2], [3, 4], [5, 6], [5, 6], [7, 8]]
    assert (job.state, job.done, job.failed) == ("succeeded", 7, 1)
    assert counts(job) == (7, 0, 0, 1)
    assert Document.objects.count() == 7


def test_failed_documents_are_retried_alone_and_leave_the_list_when_they_succeed(corpus, settings):
    big = {
        "big__jpg": jpeg(size=(400, 400)),
        "documents__jsonl": '{"id": "a", "images": ["big.jpg"]}\n{"id": 1}',
    }
    allowed = settings.CONFIG
    settings.CONFIG = replace(allowed, picture_max_bytes=100)
    job = run(corpus, zipped(**big), name="a.zip")
    assert counts(job) == (0, 0, 0, 2)
    settings.CONFIG = allowed
    services.job_retry_failed(job)
    job = run_job_inline(job)
    assert (job.state, counts(job)) == ("succeeded", (1, 0, 0, 1))
    assert (job.done, job.failed, job.total) == (1, 1, 2)
    assert [(item.key, item.error_id) for item in job.items.all()] == [("line 2", "document.empty")]


def test_an_import_into_a_collection_that_was_deleted_meanwhile_fails_with_its_reason(corpus):
    job = import_start(collection=corpus, file=ContentFile(b"{}", name="x"))
    collection_delete(collection=corpus)
    assert run_job_inline(job).error_id == "collection.not_found"


def test_one_document_that_the_database_refuses_does_not_stop_the_others(corpus, monkeypatch):
    from django.db import DataError

    original = job_module.documents_save

    def refusing(*, records, **where):
        if any(record.external_id == "d1" for record in records):
            raise DataError("value out of range")
        return original(records=records, **where)

    monkeypatch.setattr(job_module, "documents_save", refusing)
    job = run(corpus, documents(3))
    assert counts(job) == (2, 0, 0, 1)
    assert job.items.get().error_id == "import.not_storable"


def cancel_after_each_batch(monkeypatch):
    """Cancel every import when it has stored a batch; returns how batches were stored before."""
    original = job_module.ImportRun._batch

    def cancelling(self, batch):
        original(self, batch)
        services.job_request_cancel(self.ctx.job)

    monkeypatch.setattr(job_module.ImportRun, "_batch", cancelling)
    return original


def test_what_an_import_stored_before_it_was_cancelled_becomes_searchable_all_the_same(corpus, monkeypatch):
    monkeypatch.setattr(job_module, "BATCH_DOCUMENTS", 2)
    cancel_after_each_batch(monkeypatch)
    job = run(corpus, documents(6))
    assert (job.state, Document.objects.count()) == ("cancelled", 2)
    assert Job.objects.filter(type="encode", state="queued").count() == 1


def test_retrying_what_failed_of_a_cancelled_import_stores_the_rest_of_the_file_too(corpus, monkeypatch):
    monkeypatch.setattr(job_module, "BATCH_DOCUMENTS", 2)
    original = cancel_after_each_batch(monkeypatch)
    job = run(corpus, [*documents(1), "broken", *documents(6)[1:]])
    assert (job.state, job.done, job.failed, job.total) == ("cancelled", 1, 1, 7)
    monkeypatch.setattr(job_module.ImportRun, "_batch", original)
    services.job_retry_failed(job)
    job = run_job_inline(job)
    assert (job.state, counts(job), Document.objects.count()) == ("succeeded", (6, 0, 0, 1), 6)
    assert (job.done, job.failed, job.total) == (6, 1, 7)


def test_a_dry_run_that_fails_asks_for_no_vectors(corpus):
    assert run(corpus, b"title\na\n", dry_run=True, name="x.csv", format="csv").state == "failed"
    assert not Job.objects.filter(type="encode").exists()

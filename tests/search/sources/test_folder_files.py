"""Document files of a watched folder become what an upload of them makes, and their versions follow the file."""

from __future__ import annotations

import pytest

from search.importers.types import ImportOptions
from search.models import Document, DocumentFile
from search.services.imports import import_folder_start
from tests.support.manuals import manual
from tests.support.sources import put, put_bytes, report
from workers.jobs.runner import run_job_inline

pytestmark = pytest.mark.django_db


def stored() -> list[tuple[object, ...]]:
    fields = ("external_id", "title", "body", "metadata", "content_hash")
    return list(Document.objects.order_by("external_id").values_list(*fields))


@pytest.fixture
def share(tmp_path):
    folder = tmp_path / "share"
    put_bytes(folder, "manuals/pump.pdf", manual())
    put_bytes(folder, "note.txt", b"The seal of the KX-204/B leaks.")
    put(folder, "photo.jpg")
    return folder


def test_a_folder_gives_the_same_documents_as_its_import(rounds, share, corpus):
    source = rounds.source("folder", share)
    check = rounds.first_dry_run(source)
    assert report(rounds.take(source)) == report(check) == {"new": 3}
    followed = stored()
    assert report(rounds.take(source, anew=True)) == {"unchanged": 3}
    Document.objects.all().delete()
    run_job_inline(import_folder_start(collection=corpus, path=share, options=ImportOptions()))
    assert stored() == followed
    again = rounds.source("folder", share)
    assert report(rounds.first_dry_run(again)) == {"unchanged": 3}
    assert report(rounds.take(again)) == {"unchanged": 3}


def test_a_changed_file_is_a_new_version_and_a_moved_one_is_not(rounds, share):
    source = rounds.source("folder", share)
    rounds.take(source)
    note = Document.objects.get(external_id="note.txt")
    put_bytes(share, "note.txt", b"The seal of the KX-204/B was changed.", age=60)
    assert report(rounds.take(source)) == {"changed": 1, "unchanged": 2}
    assert [one.replaced_at is None for one in note.files.order_by("pk")] == [False, True]
    (share / "old").mkdir()
    (share / "note.txt").rename(share / "old" / "seal.txt")
    assert report(rounds.take(source)) == {"moved": 1, "unchanged": 2}
    note.refresh_from_db()
    assert (note.external_id, note.title, note.metadata["folder"]) == ("old/seal.txt", "seal", "old")
    assert DocumentFile.objects.filter(document=note).count() == 2
    assert report(rounds.take(source)) == {"unchanged": 3}


def test_a_file_that_cannot_be_read_is_one_failed_item(rounds, share):
    put_bytes(share, "bad.pdf", b"%PDF-1.7 and nothing more")
    job = rounds.take(rounds.source("folder", share))
    assert report(job) == {"new": 3, "failed": 1}
    assert [item.key for item in job.items.all()] == ["bad.pdf"]

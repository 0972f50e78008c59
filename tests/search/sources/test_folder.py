"""A watched folder: new, changed, moved and deleted files are followed, and nothing is stored twice."""

from __future__ import annotations

import os
import shutil

import pytest

from retrieval_site.errors import AppError
from search.curating.keeping import documents_put_back
from search.importers.mapping import NO_MAPPINGS
from search.models import Document, DocumentImage, SourceItem, TrashedDocument
from search.services.documents import document_delete
from search.services.sources import source_start
from search.services.undoing import import_undo
from search.sources import folder as folder_module
from search.sources import round as round_module
from search.sources.folder_tables import FolderTables
from search.sources.options import FolderOptions
from tests.support.sources import put, put_bytes, report
from workers.jobs import context, services
from workers.jobs.errors import JobStopped
from workers.jobs.runner import run_job_inline

pytestmark = pytest.mark.django_db
RED, GREEN, BLUE, WHITE = (200, 30, 30), (30, 200, 30), (30, 30, 200), (250, 250, 250)


@pytest.fixture
def share(tmp_path):
    """Three pictures in a folder, one deeper."""
    folder = tmp_path / "share"
    put(folder, "a.jpg", RED)
    put(folder, "b.jpg", GREEN)
    put(folder, "hall 3/c.jpg", BLUE)
    return folder


def test_the_pictures_of_a_folder_become_documents_once(rounds, share, names):
    source = rounds.source("folder", share)
    assert report(rounds.take(source)) == {"new": 3}
    assert names() == ["a.jpg", "b.jpg", "hall 3/c.jpg"]
    stamps = list(Document.objects.values_list("pk", "updated_at"))
    assert report(rounds.take(source)) == {"unchanged": 3}
    assert report(rounds.take(source, anew=True)) == {"unchanged": 3}
    assert list(Document.objects.values_list("pk", "updated_at")) == stamps
    assert DocumentImage.objects.count() == 3


def test_the_dry_run_of_a_new_source_says_the_same_and_stores_nothing(rounds, share):
    source = rounds.source("folder", share)
    check = rounds.first_dry_run(source)
    assert report(check) == {"new": 3}
    assert check.result["examples"] == ["a.jpg", "b.jpg", "hall 3/c.jpg"]
    assert not Document.objects.exists()
    assert not SourceItem.objects.exists()
    assert report(rounds.take(source)) == report(check)


def test_changed_moved_and_deleted_files_are_followed_and_a_dry_run_foretells_it(rounds, share, names):
    source = rounds.source("folder", share)
    rounds.take(source)
    moved = Document.objects.get(external_id="b.jpg").pk
    put(share, "a.jpg", WHITE, age=60)
    (share / "hall 4").mkdir()
    (share / "b.jpg").rename(share / "hall 4" / "pump.jpg")
    (share / "hall 3" / "c.jpg").unlink()
    expected = {"changed": 1, "moved": 1, "deleted": 1}
    assert report(rounds.take(source, dry_run=True)) == expected
    assert report(rounds.take(source)) == expected
    assert names() == ["a.jpg", "hall 4/pump.jpg"]
    assert Document.objects.get(external_id="hall 4/pump.jpg").pk == moved
    assert report(rounds.take(source)) == {"unchanged": 2}


def test_a_file_that_was_only_touched_is_unchanged(rounds, share):
    source = rounds.source("folder", share)
    rounds.take(source)
    put(share, "a.jpg", RED, age=100)
    assert report(rounds.take(source)) == {"unchanged": 3}


def test_a_copy_is_a_document_of_its_own(rounds, share, names):
    source = rounds.source("folder", share)
    rounds.take(source)
    shutil.copy2(share / "a.jpg", share / "copy.jpg")
    assert report(rounds.take(source)) == {"new": 1, "unchanged": 3}
    assert "copy.jpg" in names()


def test_two_files_that_change_names_with_each_other_keep_their_documents(rounds, share):
    source = rounds.source("folder", share)
    rounds.take(source)
    before = {d.external_id: d.pk for d in Document.objects.all()}
    (share / "a.jpg").rename(share / "x")
    (share / "b.jpg").rename(share / "a.jpg")
    (share / "x").rename(share / "b.jpg")
    os.utime(share / "a.jpg", (1_000_000, 1_000_000))
    os.utime(share / "b.jpg", (1_000_001, 1_000_001))
    assert report(rounds.take(source)) == {"changed": 2, "unchanged": 1}
    assert {d.external_id: d.pk for d in Document.objects.all()} == before


def test_files_that_are_still_being_written_wait_for_the_next_round(rounds, share, names):
    source = rounds.source("folder", share)
    rounds.take(source)
    put(share, "a.jpg", WHITE, age=1)
    put(share, "new.jpg", WHITE, age=1)
    assert report(rounds.take(source)) == {"unchanged": 2, "waiting": 2}
    assert names() == ["a.jpg", "b.jpg", "hall 3/c.jpg"]
    put(share, "a.jpg", WHITE)
    put(share, "new.jpg", BLUE)
    assert report(rounds.take(source)) == {"new": 1, "changed": 1, "unchanged": 2}


def test_an_emptied_folder_empties_no_collection_until_somebody_says_so(rounds, share, names):
    source = rounds.source("folder", share)
    rounds.take(source)
    (share / "a.jpg").unlink()
    (share / "b.jpg").unlink()
    job = rounds.take(source)
    assert report(job) == {"unchanged": 1}
    assert job.result["held_back"] == 2
    assert [w["id"] for w in job.result["warnings"]] == ["source.deletion_held_back"]
    assert len(names()) == 3
    assert report(rounds.take(source, delete_many=True)) == {"unchanged": 1, "deleted": 2}
    assert names() == ["hall 3/c.jpg"]


def test_a_folder_that_is_not_there_fails_the_round_and_removes_nothing(rounds, share, names):
    source = rounds.source("folder", share)
    rounds.take(source)
    shutil.rmtree(share)
    job = rounds.take(source, delete_many=True)
    assert (job.state, job.error_id) == ("failed", "source.folder_missing")
    assert len(names()) == 3


def test_bad_files_are_failed_items_with_their_reason_and_can_be_tried_again(rounds, share, names):
    put_bytes(share, "broken.jpg", b"\xff\xd8\xff\xe0 no picture at all")
    source = rounds.source("folder", share)
    job = rounds.take(source)
    assert report(job) == {"new": 3, "failed": 1}
    assert [item.key for item in job.items.all()] == ["broken.jpg"]
    put(share, "broken.jpg", WHITE)
    again = run_job_inline(services.job_retry_failed(job))
    assert report(again) == {"new": 4}
    assert not again.items.exists()
    assert "broken.jpg" in names()
    assert report(rounds.take(source)) == {"unchanged": 4}


def test_a_bad_file_that_was_mended_is_read_by_the_next_round(rounds, share):
    put_bytes(share, "broken.jpg", b"\xff\xd8\xff\xe0 no picture at all")
    source = rounds.source("folder", share)
    rounds.take(source)
    assert report(rounds.take(source)) == {"unchanged": 3, "failed": 1}
    put(share, "broken.jpg", WHITE)
    assert report(rounds.take(source)) == {"new": 1, "unchanged": 3}


def test_links_hidden_files_and_other_files_are_left_alone(rounds, share, tmp_path, names):
    secret = put(tmp_path / "outside", "secret.jpg", WHITE)
    (share / "link.jpg").symlink_to(secret)
    (share / "linked").symlink_to(secret.parent)
    put(share, ".hidden.jpg", WHITE)
    put_bytes(share, "readme.bin", b"\0\1\2")
    os.mkfifo(share / "pipe.jpg")
    job = rounds.take(rounds.source("folder", share))
    assert report(job) == {"new": 3}
    assert [w["detail"]["examples"] for w in job.result["warnings"]] == [["readme.bin"]]


def test_a_folder_that_became_a_link_while_it_was_read_is_not_followed(rounds, share, tmp_path):
    put(tmp_path / "outside", "c.jpg", WHITE)
    source = rounds.source("folder", share)
    rounds.take(source)
    shutil.rmtree(share / "hall 3")
    (share / "hall 3").symlink_to(tmp_path / "outside")
    reader = folder_module.FolderReader(share, FolderOptions(), FolderTables(share, NO_MAPPINGS))
    assert reader.is_gone("hall 3/c.jpg")
    assert report(rounds.take(source)) == {"unchanged": 2, "deleted": 1}


@pytest.mark.parametrize("where", ["/", "..", "share/../..", "relative"])
def test_only_folders_that_the_operator_allows_are_read(rounds, share, tmp_path, where):
    with pytest.raises(AppError) as refused:
        rounds.source("folder", where if where in ("/", "relative") else tmp_path / where)
    assert refused.value.id == "source.folder_not_allowed"


def test_a_folder_is_for_staff_alone(rounds, share):
    rounds.anna.is_staff = False
    with pytest.raises(AppError) as refused:
        rounds.source("folder", share)
    assert refused.value.id == "permission.denied"


def test_a_setting_that_was_taken_back_ends_the_rounds(rounds, share, settings, tmp_path):
    source = rounds.source("folder", share)
    settings.CONFIG = rounds.settings.CONFIG.__class__(
        **{**rounds.settings.CONFIG.__dict__, "source_folders": [tmp_path / "other"]}
    )
    assert rounds.take(source).error_id == "source.folder_not_allowed"


def test_killed_in_the_middle_it_goes_on_where_it_was(rounds, tmp_path, monkeypatch, names):
    monkeypatch.setattr(folder_module, "BATCH_FILES", 2)
    for number in range(7):
        put(tmp_path / "many", f"{number}.jpg", (number * 30, 0, 0))
    source = rounds.source("folder", tmp_path / "many")
    original, read = folder_module.FolderReader.content, []

    def dying(self, entry):
        read.append(entry.key)
        if len(read) == 4:
            raise JobStopped
        return original(self, entry)

    monkeypatch.setattr(folder_module.FolderReader, "content", dying)
    job = rounds.take(source)
    assert (job.state, names()) == ("queued", ["0.jpg", "1.jpg"])
    done = run_job_inline(job)
    assert report(done) == {"new": 7}
    assert (done.result["position"], len(names())) == ("6.jpg", 7)
    assert read == ["0.jpg", "1.jpg", "2.jpg", "3.jpg", *[f"{n}.jpg" for n in range(2, 7)]]


def test_killed_while_it_removes_it_goes_on_with_what_is_left(rounds, tmp_path, monkeypatch, names):
    from search.sources import removing

    monkeypatch.setattr(removing, "BATCH_ITEMS", 2)
    for number in range(9):
        put(tmp_path / "many", f"{number}.jpg", (number * 25, 0, 0))
    source = rounds.source("folder", tmp_path / "many")
    rounds.take(source)
    for number in range(4):
        (tmp_path / "many" / f"{number}.jpg").unlink()
    original, calls = removing.take_out, []

    def dying(source, documents, job):
        calls.append(documents)
        if len(calls) == 2:
            raise JobStopped
        original(source, documents, job)

    monkeypatch.setattr(removing, "take_out", dying)
    job = rounds.take(source)
    assert (job.state, len(names())) == ("queued", 7)
    assert report(run_job_inline(job)) == {"unchanged": 5, "deleted": 4}
    assert len(names()) == 5


def test_the_document_of_a_deleted_file_can_be_put_back_from_the_trash(rounds, share, names):
    source = rounds.source("folder", share)
    rounds.take(source)
    (share / "a.jpg").unlink()
    rounds.take(source)
    assert "a.jpg" not in names()
    documents_put_back(trashed=TrashedDocument.objects.all())
    assert "a.jpg" in names()
    assert report(rounds.take(source)) == {"unchanged": 2}
    put(share, "a.jpg", WHITE)
    assert report(rounds.take(source)) == {"new": 1, "unchanged": 2}
    assert len(names()) == 3


def test_a_document_that_a_curator_deleted_does_not_come_back(rounds, share, names):
    source = rounds.source("folder", share)
    rounds.take(source)
    document_delete(document=Document.objects.get(external_id="a.jpg"))
    assert report(rounds.take(source)) == {"unchanged": 3}
    assert names() == ["b.jpg", "hall 3/c.jpg"]
    assert report(rounds.take(source, anew=True)) == {"new": 1, "unchanged": 2}
    assert len(names()) == 3


def test_a_round_can_be_undone_and_does_not_come_back_by_itself(rounds, share, anna, names):
    source = rounds.source("folder", share)
    rounds.take(source)
    put(share, "d.jpg", WHITE)
    second = rounds.take(source)
    run_job_inline(import_undo(job=second, by=anna))
    assert names() == ["a.jpg", "b.jpg", "hall 3/c.jpg"]
    assert report(rounds.take(source)) == {"unchanged": 4}


def test_documents_of_another_source_are_not_overwritten(rounds, share, tmp_path, names):
    rounds.take(rounds.source("folder", share))
    put(tmp_path / "other", "a.jpg", WHITE)
    put(tmp_path / "other", "z.jpg", WHITE)
    job = rounds.take(rounds.source("folder", tmp_path / "other"))
    assert report(job) == {"new": 1, "failed": 1}
    assert [(i.key, i.error_id) for i in job.items.all()] == [("a.jpg", "source.document_taken")]


def test_only_the_newest_round_stores_anything(rounds, share, anna, names):
    source = rounds.source("folder", share)
    old = source_start(source=source, by=anna)
    services.job_request_pause(old)
    assert source_start(source=source, by=anna) == old
    services.job_request_cancel(old)
    rounds.take(source)
    (share / "a.jpg").unlink()
    put(share, "d.jpg", WHITE)
    late = run_job_inline(services.job_retry(old))
    assert (late.state, late.error_id) == ("failed", "source.superseded")
    assert "d.jpg" not in names()


def test_whoever_lost_the_collection_or_is_no_staff_any_more_ends_the_round(
    rounds, share, anna, corpus, monkeypatch
):
    monkeypatch.setattr(context, "RIGHTS_EVERY_SECONDS", 0.0)
    source = rounds.source("folder", share)
    type(anna).objects.update(is_staff=False)
    assert rounds.take(source).error_id == "permission.denied"
    type(anna).objects.update(is_staff=True)
    job = source_start(source=source, by=anna)
    corpus.membership_set.all().delete()
    done = run_job_inline(job)
    assert (done.state, done.error_id) == ("failed", "job.not_permitted")


def test_names_that_are_no_text_or_too_long_are_failed_items(rounds, share):
    (share / os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"x")
    deep = "/".join(["d" * 250] * 9)
    put(share, f"{deep}/x.jpg", WHITE)
    long = put(share, "n" * 240 + ".jpg", WHITE)
    assert long.exists()
    job = rounds.take(rounds.source("folder", share))
    assert report(job) == {"new": 4, "failed": 2}
    assert {item.error_id for item in job.items.all()} == {"document.not_text", "source.key_too_long"}
    assert max(map(len, Document.objects.values_list("external_id", flat=True))) <= 200


def test_a_dry_run_counts_once_however_often_it_is_stopped(rounds, share, monkeypatch):
    monkeypatch.setattr(folder_module, "BATCH_FILES", 1)
    source = rounds.source("folder", share)
    original, calls = round_module.SourceRound._batch, []

    def stopping(self, *given, **how):
        calls.append(given)
        if len(calls) == 2:
            raise JobStopped
        original(self, *given, **how)

    monkeypatch.setattr(round_module.SourceRound, "_batch", stopping)
    check = rounds.first_dry_run(source)
    assert check.state == "queued"
    assert report(run_job_inline(check)) == {"new": 3}

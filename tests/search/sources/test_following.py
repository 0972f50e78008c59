"""What is moved, deleted, dropped or late is followed by its documents, and nobody's work is undone by a round."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from retrieval_site.errors import AppError
from search.curating.editing import document_trash
from search.curating.fields import FieldSetup, field_set_up
from search.curating.start import change_start, picked_documents
from search.importers.mapping import read_mapping
from search.models import Collection, Document, SourceItem, TrashedDocument
from search.services.collections import collection_create
from search.services.sources import source_start, source_update
from search.services.table_mappings import table_mapping_keep
from search.sources.files import FileDocuments
from tests.support.document_files import zipped
from tests.support.sources import put, put_bytes, report
from workers.jobs import services
from workers.jobs.runner import run_job_inline

pytestmark = pytest.mark.django_db
RED, GREEN, BLUE, WHITE = (200, 30, 30), (30, 200, 30), (30, 30, 200), (250, 250, 250)
MAPPING = {
    "columns": [
        {"column": "Nr", "field": "external_id"},
        {"column": "Name", "field": "title"},
        {"column": "Art", "field": "metadata.kind"},
    ]
}


@pytest.fixture
def share(tmp_path):
    """Three pictures in a folder."""
    folder = tmp_path / "share"
    for name, colour in (("a.jpg", RED), ("b.jpg", GREEN), ("c.jpg", BLUE)):
        put(folder, name, colour)
    return folder


@pytest.fixture
def keep(corpus):
    """The collection keeps a mapping of the tables of these tests."""
    mapping = read_mapping(MAPPING)
    table_mapping_keep(collection=corpus, mapping=mapping, names=["Nr", "Name", "Art"], filename="parts.csv")


def table(folder, *rows: str, age: float = 3600) -> None:
    text = "".join(f"{row}\n" for row in ("Nr;Name;Art", *rows))
    put_bytes(folder, "parts.csv", text.encode(), age=age)


def move(document: Document, target: Collection, anna) -> None:
    picked = picked_documents(document.collection, [document.pk])
    detail = {"collection": target.pk}
    change_start(collection=document.collection, action="move", detail=detail, documents=picked, by=anna)


def test_a_document_that_was_moved_to_another_collection_stays_there(rounds, share, anna):
    source = rounds.source("folder", share)
    rounds.take(source)
    other = collection_create(name="Other", owner=anna)
    for name in ("a.jpg", "b.jpg"):
        move(Document.objects.get(external_id=name), other, anna)
    put(share, "a.jpg", WHITE, age=60)
    (share / "b.jpg").unlink()
    assert report(rounds.take(source, delete_many=True)) == {"new": 1, "unchanged": 1}
    assert not TrashedDocument.objects.exists()
    assert sorted(other.documents.values_list("external_id", flat=True)) == ["a.jpg", "b.jpg"]
    assert sorted(source.collection.documents.values_list("external_id", flat=True)) == ["a.jpg", "c.jpg"]


def test_links_that_a_move_once_left_take_nothing_out_of_the_other_collection(rounds, share, anna):
    source = rounds.source("folder", share)
    rounds.take(source)
    other = collection_create(name="Other", owner=anna)
    Document.objects.filter(external_id__in=["a.jpg", "b.jpg"]).update(collection=other)
    put(share, "a.jpg", WHITE, age=60)
    (share / "b.jpg").unlink()
    rounds.take(source, delete_many=True)
    assert sorted(other.documents.values_list("external_id", flat=True)) == ["a.jpg", "b.jpg"]


def test_a_moved_file_that_was_first_seen_while_it_was_written_keeps_its_document(rounds, share, names):
    source = rounds.source("folder", share)
    rounds.take(source)
    before = Document.objects.get(external_id="a.jpg").pk
    (share / "a.jpg").unlink()
    put(share, "late.jpg", RED, age=1)
    job = rounds.take(source)
    assert report(job) == {"unchanged": 2, "waiting": 1}
    assert [warning["id"] for warning in job.result["warnings"]] == ["source.removal_waits"]
    assert report(rounds.take(source, dry_run=True)) == {"unchanged": 2, "waiting": 1}
    put(share, "late.jpg", RED, age=60)
    assert report(rounds.take(source)) == {"moved": 1, "unchanged": 2}
    assert Document.objects.get(external_id="late.jpg").pk == before


def test_a_known_file_that_is_always_being_written_holds_no_removal_back(rounds, share, names):
    source = rounds.source("folder", share)
    rounds.take(source)
    put(share, "a.jpg", RED, age=1)
    (share / "b.jpg").unlink()
    assert report(rounds.take(source)) == {"unchanged": 1, "waiting": 1, "deleted": 1}


def test_a_moved_file_whose_reading_fails_once_keeps_its_document(rounds, share, monkeypatch, names):
    source = rounds.source("folder", share)
    rounds.take(source)
    before = Document.objects.get(external_id="a.jpg").pk
    (share / "a.jpg").rename(share / "new.jpg")

    def failing(*_, **__):
        raise AppError("source.file_unreadable", reason="a bad day")

    with monkeypatch.context() as patched:
        patched.setattr(FileDocuments, "made", failing)
        assert report(rounds.take(source)) == {"failed": 1, "unchanged": 2}
    assert names() == ["b.jpg", "c.jpg", "new.jpg"]
    assert report(rounds.take(source)) == {"unchanged": 3}
    assert Document.objects.get(external_id="new.jpg").pk == before


def test_what_a_file_that_failed_left_behind_is_no_obstacle_to_a_file_that_moves_there(rounds, share, names):
    put_bytes(share, "late.jpg", b"\xff\xd8\xff\xe0 no picture at all")
    source = rounds.source("folder", share)
    rounds.take(source)
    before = Document.objects.get(external_id="a.jpg").pk
    (share / "a.jpg").rename(share / "late.jpg")
    assert report(rounds.take(source)) == {"moved": 1, "unchanged": 2}
    assert Document.objects.get(external_id="late.jpg").pk == before
    assert sorted(SourceItem.objects.values_list("key", flat=True)) == ["b.jpg", "c.jpg", "late.jpg"]


def test_the_deleted_document_of_a_file_that_is_renamed_does_not_come_back(rounds, share, anna, names):
    source = rounds.source("folder", share)
    rounds.take(source)
    document_trash(document=Document.objects.get(external_id="a.jpg"), by=anna)
    (share / "a.jpg").rename(share / "new.jpg")
    assert report(rounds.take(source)) == {"moved": 1, "unchanged": 2}
    assert names() == ["b.jpg", "c.jpg"]
    assert report(rounds.take(source)) == {"unchanged": 3}
    assert report(rounds.take(source, anew=True)) == {"new": 1, "unchanged": 2}


def test_of_a_renamed_archive_only_what_nobody_deleted_stays(rounds, share, anna, names):
    put_bytes(share, "old.zip", zipped({"1.txt": b"The seal leaks.", "2.txt": b"The pump is loud."}))
    source = rounds.source("folder", share)
    rounds.take(source)
    document_trash(document=Document.objects.get(external_id="old.zip/1.txt"), by=anna)
    (share / "old.zip").rename(share / "new.zip")
    assert report(rounds.take(source)) == {"moved": 1, "unchanged": 3}
    assert names() == ["a.jpg", "b.jpg", "c.jpg", "new.zip/2.txt"]


def test_a_deleted_document_does_not_come_back_because_its_file_failed_meanwhile(
    rounds, share, anna, monkeypatch, names
):
    source = rounds.source("folder", share)
    rounds.take(source)
    document_trash(document=Document.objects.get(external_id="a.jpg"), by=anna)
    (share / "a.jpg").touch()

    def failing(*_):
        raise AppError("source.file_unreadable", reason="a bad day")

    source_update(source=source, by=anna, options={"settle_seconds": 0})
    with monkeypatch.context() as patched:
        patched.setattr("search.sources.folder.FolderReader.content", failing)
        assert report(rounds.take(source)) == {"failed": 3}
    source_update(source=source, by=anna, options={})
    put(share, "a.jpg", RED)
    assert report(rounds.take(source)) == {"unchanged": 3}
    assert names() == ["b.jpg", "c.jpg"]


@pytest.mark.usefixtures("keep")
def test_a_table_that_loses_its_last_row_loses_its_documents(rounds, share, names):
    table(share, "1;Pumpe;x")
    source = rounds.source("folder", share)
    rounds.take(source)
    assert names() == ["1", "a.jpg", "b.jpg", "c.jpg"]
    table(share, age=60)
    assert report(rounds.take(source)) == {"changed": 1, "unchanged": 3}
    assert names() == ["a.jpg", "b.jpg", "c.jpg"]


@pytest.mark.usefixtures("keep")
def test_a_table_that_loses_most_rows_is_not_believed_until_somebody_says_so(rounds, share, names):
    rows = [f"{number};Pumpe {number};x" for number in range(9)]
    table(share, *rows)
    source = rounds.source("folder", share)
    rounds.take(source)
    table(share, *rows[:2], age=60)
    job = rounds.take(source)
    assert (job.result["held_back"], len(names())) == (7, 12)
    assert "7 of 12 documents" in job.result["warnings"][0]["message"]
    assert rounds.take(source).result["held_back"] == 7
    assert "held_back" not in rounds.take(source, delete_many=True).result
    assert names() == ["0", "1", "a.jpg", "b.jpg", "c.jpg"]
    assert report(rounds.take(source)) == {"unchanged": 4}


@pytest.mark.usefixtures("keep")
def test_rows_and_files_that_are_gone_count_together_and_as_documents(rounds, share, names):
    table(share, *(f"{number};Pumpe {number};x" for number in range(5)))
    source = rounds.source("folder", share)
    rounds.take(source)
    (share / "parts.csv").unlink()
    job = rounds.take(source)
    assert (job.result["held_back"], len(names())) == (5, 8)
    table(share, *(f"{number};Pumpe {number};x" for number in range(2)), age=60)
    (share / "a.jpg").unlink()
    (share / "b.jpg").unlink()
    job = rounds.take(source)
    assert (job.result["dropped"], job.result["held_back"]) == (3, 2)
    assert names() == ["0", "1", "a.jpg", "b.jpg", "c.jpg"]


@pytest.mark.usefixtures("keep")
def test_what_failed_in_part_is_counted_once_when_it_is_tried_again(rounds, share):
    zipped_up = zipped({"1.txt": b"The seal leaks.", "bad.pdf": b"%PDF-1.7 and nothing more"})
    put_bytes(share, "some.zip", zipped_up)
    source = rounds.source("folder", share)
    job = rounds.take(source)
    assert report(job) == {"new": 4}
    assert [item.key for item in job.items.all()] == ["some.zip"]
    again = run_job_inline(services.job_retry_failed(job))
    assert report(again) == {"new": 4}
    assert "failed" not in again.result or again.result["failed"] == 0


def test_an_older_round_that_is_tried_again_stays_what_it_was(rounds, share):
    put_bytes(share, "broken.jpg", b"\xff\xd8\xff\xe0 no picture at all")
    source = rounds.source("folder", share)
    old = rounds.take(source)
    rounds.take(source)
    again = run_job_inline(services.job_retry_failed(old))
    assert report(again) == {"new": 3, "failed": 1}
    assert [warning["id"] for warning in again.result["warnings"]] == ["source.superseded"]


def test_a_source_that_is_read_more_often_is_due_by_its_new_schedule(rounds, share, anna):
    source = rounds.source("folder", share)
    source_update(source=source, by=anna, every_hours=168, paused=False)
    rounds.take(source)
    source.refresh_from_db()
    source_update(source=source, by=anna, every_hours=1)
    assert source.next_round_at - timezone.now() <= timedelta(hours=1)
    source_update(source=source, by=anna, name="Scans")
    assert source.next_round_at - timezone.now() <= timedelta(hours=1)


def test_whoever_asks_for_more_than_the_round_at_work_does_is_told(rounds, share, anna):
    source = rounds.source("folder", share)
    job = source_start(source=source, by=anna)
    assert source_start(source=source, by=anna) == job
    for more in ({"anew": True}, {"delete_many": True}):
        with pytest.raises(AppError, match=r"source\.at_work"):
            source_start(source=source, by=anna, **more)
    services.job_request_cancel(job)
    assert source_start(source=source, by=anna, anew=True) != job


@pytest.mark.usefixtures("keep")
def test_rows_that_break_a_rule_are_said_by_their_numbers_and_tried_again(rounds, share, corpus, names):
    setup = {"collection": corpus, "name": "metadata.kind"}
    field_set_up(**setup, setup=FieldSetup(vocabulary=("pump",)))
    table(share, "1;Pumpe;pump", "2;Ventil;valve")
    put_bytes(share, "some.zip", zipped({"1.txt": b"The seal leaks."}))
    source = rounds.source("folder", share)
    job = rounds.take(source)
    assert report(job) == {"new": 5}
    assert [item.error_id for item in job.items.all()] == ["field.not_in_vocabulary"]
    assert job.items.get().reason.startswith("line 3: ")
    assert "1" in names()
    assert "2" not in names()
    field_set_up(**setup, setup=FieldSetup(vocabulary=("pump", "valve")))
    assert report(rounds.take(source)) == {"changed": 1, "unchanged": 4}
    assert {"1", "2"} <= set(names())


@pytest.mark.usefixtures("keep")
def test_a_table_in_another_code_page_is_known_again(rounds, tmp_path, corpus, names):
    cyrillic = ["Номер", "Название"]
    mapping = {
        "columns": [{"column": "Номер", "field": "external_id"}, {"column": "Название", "field": "title"}]
    }
    table_mapping_keep(collection=corpus, mapping=read_mapping(mapping), names=cyrillic, filename="parts.csv")
    rows = [cyrillic, *([str(number), "Насос центробежный для воды"] for number in range(20))]
    text = "".join(f"{';'.join(row)}\n" for row in rows)
    put_bytes(tmp_path / "share", "parts.csv", text.encode("cp1251"))
    rounds.take(rounds.source("folder", tmp_path / "share"))
    assert len(names()) == 20
    assert Document.objects.get(external_id="3").title == "Насос центробежный для воды"

"""Changes of many documents: what is written with them, what is noted, and how they are taken back."""

from __future__ import annotations

import pytest
from django.db import connection

from retrieval_site.errors import AppError
from search.curating.actions import detail_read
from search.curating.start import change_start, change_undo, merge_start, picked_documents
from search.models import (
    ChangeSet,
    Document,
    DocumentIdentifier,
    DocumentImage,
    FieldValue,
    Membership,
    TrashedDocument,
)
from search.services.documents import documents_delete, encode_soon
from tests.support.corpus import clustered, make_version, store
from tests.support.pages import picture_bytes, save_document
from workers.jobs.runner import run_job_inline

pytestmark = pytest.mark.django_db


def change(within, by, action, documents, **sent) -> ChangeSet:
    picked = picked_documents(within, [document.pk for document in documents])
    return change_start(
        collection=within,
        action=action,
        detail=detail_read(action, sent, within, by),
        documents=picked,
        by=by,
    )


def states(change_set) -> dict[int, tuple[str, str]]:
    return {one.document_id: (one.state, one.reason) for one in change_set.changes.all()}


def test_tags_are_added_and_taken_back_where_nobody_changed_them_since(notes, ann):
    first = save_document(notes, "a", title="Pump", tags=["red"])
    second = save_document(notes, "b", title="Valve", tags=["leak"])
    done = change(notes, ann, "add_tags", [first, second], tags="leak, old")
    first.refresh_from_db()
    assert first.tags == ["red", "leak", "old"]
    assert done.changes.get(document_id=second.pk).before == {"tags": ["leak"]}
    assert FieldValue.objects.filter(document=second, value="old").exists()
    change(notes, ann, "remove_tags", [second], tags="leak")
    undo = change_undo(change_set=done, by=ann)
    first.refresh_from_db()
    assert first.tags == ["red"]
    assert states(undo) == {first.pk: ("done", ""), second.pk: ("left", "curating.changed_since")}
    with pytest.raises(AppError, match=r"curating\.undone_already"):
        change_undo(change_set=done, by=ann)


def test_taking_back_can_be_taken_back(notes, ann):
    document = save_document(notes, "a", title="Pump")
    undo = change_undo(change_set=change(notes, ann, "add_tags", [document], tags="x"), by=ann)
    change_undo(change_set=undo, by=ann)
    document.refresh_from_db()
    assert document.tags == ["x"]


def test_a_field_is_set_with_its_values_and_identifiers_and_removed_again(notes, ann):
    document = save_document(notes, "a", title="Pump", metadata={"site": "Hall 3"})
    done = change(notes, ann, "set_field", [document], key="part", value="KX-204")
    document.refresh_from_db()
    assert document.metadata == {"site": "Hall 3", "part": "KX-204"}
    assert DocumentIdentifier.objects.filter(document=document, value="kx204").exists()
    assert (
        change(notes, ann, "set_field", [document], key="part", value="KX-204").changes.get().state == "same"
    )
    change_undo(change_set=done, by=ann)
    document.refresh_from_db()
    assert document.metadata == {"site": "Hall 3"}
    assert not DocumentIdentifier.objects.filter(document=document, value="kx204").exists()


def test_a_moved_document_takes_its_vectors_words_and_values_along_and_comes_back(notes, other, ann):
    version = make_version()
    document = save_document(notes, "a", title="Pump", body="It leaks.", tags=["red"])
    store(version, list(document.passages.all()), clustered(1, 16))
    done = change(notes, ann, "move", [document], collection="other")
    assert where(version, document) == (other.pk, other.pk, other.pk)
    assert FieldValue.objects.get(document=document).field.collection_id == other.pk
    change_undo(change_set=done, by=ann)
    assert where(version, document) == (notes.pk, notes.pk, notes.pk)


def where(version, document) -> tuple[int, ...]:
    """The collection of the document, of its vector and of its words."""
    document.refresh_from_db()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT v.collection_id, l.collection_id FROM embedding_{version.pk}_passage v "
            "JOIN lexical_passage l ON l.passage_id = v.unit_id WHERE v.document_id = %s",
            [document.pk],
        )
        return (document.collection_id, *cursor.fetchone())


def test_a_document_whose_external_id_is_taken_there_stays(notes, other, ann):
    document = save_document(notes, "a", title="Pump")
    free = save_document(notes, "b", title="Valve")
    save_document(other, "a", title="Another")
    done = change(notes, ann, "move", [document, free], collection="other")
    assert states(done) == {document.pk: ("left", "curating.external_id_taken"), free.pk: ("done", "")}


def test_nobody_moves_into_or_back_from_what_they_do_not_curate(notes, other, ann, ben):
    document = save_document(notes, "a", title="Pump")
    for slug in ("other", "no-such", "no\0such"):
        with pytest.raises(AppError, match=r"curating\.no_target"):
            detail_read("move", {"collection": slug}, notes, ben)
    done = change(notes, ann, "move", [document], collection="other")
    with pytest.raises(AppError, match=r"permission\.denied"):
        change_undo(change_set=done, by=ben)


def test_documents_of_other_collections_are_not_selected(notes, other, ben):
    foreign = save_document(other, "a", title="Pump")
    with pytest.raises(AppError, match=r"curating\.nothing_selected"):
        change(notes, ben, "add_tags", [foreign], tags="x")
    assert not ChangeSet.objects.exists()


def test_duplicates_are_merged_into_one_and_parted_again(notes, ann):
    kept = save_document(notes, "a", title="Pump", tags=["red"], pictures=[picture_bytes()])
    twin = save_document(notes, "b", title="Pump", tags=["old"], metadata={"site": "Hall 3"})
    blue = picture_bytes(colour=(0, 0, 200))
    third = save_document(notes, "c", title="Pump", pictures=[picture_bytes(), blue])
    done = merge_start(collection=notes, keep=kept.pk, ids=[twin.pk, third.pk], by=ann)
    kept.refresh_from_db()
    assert (kept.tags, kept.metadata, kept.images.count()) == (["red", "old"], {"site": "Hall 3"}, 2)
    assert TrashedDocument.objects.count() == 2
    change_undo(change_set=done, by=ann)
    kept.refresh_from_db()
    assert (kept.tags, kept.metadata, kept.images.count()) == (["red"], {}, 1)
    assert DocumentImage.objects.filter(document=third).count() == 2


def test_a_merge_stays_where_a_merged_document_is_gone_for_good(notes, ann):
    kept = save_document(notes, "a", title="Pump", tags=["red"])
    twin = save_document(notes, "b", title="Pump", tags=["old"])
    third = save_document(notes, "c", title="Pump", metadata={"site": "Hall 3"})
    done = merge_start(collection=notes, keep=kept.pk, ids=[twin.pk, third.pk], by=ann)
    TrashedDocument.objects.filter(pk=twin.pk).delete()
    undo = change_undo(change_set=done, by=ann)
    kept.refresh_from_db()
    assert (kept.tags, kept.metadata) == (["red", "old"], {"site": "Hall 3"})
    assert states(undo) == {
        kept.pk: ("left", "curating.merged_gone"),
        twin.pk: ("left", "curating.not_in_trash"),
        third.pk: ("done", ""),
    }


def test_one_becomes_true_and_nought_false(notes, ann):
    document = save_document(notes, "a", title="Pump", metadata={"checked": 1})
    done = change(notes, ann, "set_field", [document], key="checked", value="true")
    document.refresh_from_db()
    assert (done.changes.get().state, document.metadata["checked"]) == ("done", True)
    assert document.metadata["checked"] is True
    change(notes, ann, "set_field", [document], key="checked", value="1")
    undo = change_undo(change_set=done, by=ann)
    assert states(undo) == {document.pk: ("left", "curating.changed_since")}


def test_where_the_one_to_keep_cannot_be_changed_nothing_is_merged(notes, ann):
    kept = save_document(notes, "a", title="Pump", tags=[f"tag {n}" for n in range(100)])
    twin = save_document(notes, "b", title="Pump", tags=["another"])
    done = merge_start(collection=notes, keep=kept.pk, ids=[twin.pk], by=ann)
    assert states(done) == {
        kept.pk: ("left", "document.too_many_tags"),
        twin.pk: ("left", "curating.merge_left"),
    }
    assert Document.objects.count() == 2


def test_merging_needs_two_of_the_collection(notes, other, ann):
    kept, foreign = save_document(notes, "a", title="Pump"), save_document(other, "b", title="Pump")
    for ids in ([], [foreign.pk], [kept.pk]):
        with pytest.raises(AppError, match=r"curating\.merge"):
            merge_start(collection=notes, keep=kept.pk, ids=ids, by=ann)


def many(collection, count: int) -> list[Document]:
    from search.services.document_fields import DocumentFields
    from search.services.documents import DocumentRecord, documents_save

    fields = DocumentFields(title="Pump")
    records = [DocumentRecord(f"m{row}", fields) for row in range(count)]
    documents_save(collection=collection, records=records)
    return list(Document.objects.filter(collection=collection))


def test_a_large_change_is_a_job_that_goes_on_where_it_was_killed(notes, ann, monkeypatch):
    from search.curating import changes, job

    monkeypatch.setattr(changes, "AT_ONCE", 10)
    monkeypatch.setattr(changes, "BATCH_DOCUMENTS", 10)
    documents = many(notes, 25)
    done = change(notes, ann, "add_tags", documents, tags="x")
    assert done.job is not None
    assert not Document.objects.filter(tags=["x"]).exists()
    with pytest.raises(AppError, match=r"curating\.still_running"):
        change_undo(change_set=done, by=ann)
    changes.change_batch(done)  # a run that was killed behind its first batch
    documents_delete(documents=[documents[-1].pk])
    finished = run_job_inline(done.job)
    assert (finished.state, finished.result["changed"], finished.result["left"]) == ("succeeded", 24, 1)
    assert Document.objects.filter(tags=["x"]).count() == 24
    assert job.ChangedDocument.objects.get(state="left").reason == "document.not_found"


def test_the_job_stops_where_its_owner_lost_the_right(notes, other, ann, monkeypatch):
    from search.curating import changes

    monkeypatch.setattr(changes, "AT_ONCE", 1)
    documents = many(notes, 3)
    done = change(notes, ann, "move", documents, collection="other")
    Membership.objects.filter(collection=other, user=ann).delete()
    assert run_job_inline(done.job).error_id == "job.not_permitted"
    assert Document.objects.filter(collection=other).count() == 0


def test_the_round_trips_of_a_change_do_not_grow_with_its_documents(
    notes, ann, django_assert_max_num_queries
):
    documents = many(notes, 60)
    encode_soon()
    for action, sent in (
        ("add_tags", {"tags": "x"}),
        ("set_field", {"key": "site", "value": "3"}),
        ("trash", {}),
    ):
        with django_assert_max_num_queries(60):
            change(notes, ann, action, documents, **sent)

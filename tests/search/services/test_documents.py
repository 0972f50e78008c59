"""Saving documents: what is written, what is kept, and what is refused with which id."""

from __future__ import annotations

import hashlib
import threading

import pytest
from django.db import connection
from PIL import Image

from retrieval_site.errors import AppError
from search.models import Collection, Document, DocumentImage, Passage
from search.services.collections import collection_create
from search.services.document_fields import DocumentFields, image_input
from search.services.documents import (
    DocumentRecord,
    document_delete,
    document_save,
    documents_changes,
    documents_save,
    encode_soon,
)
from tests.support.hostile_pictures import encoded
from workers.inference.errors import PictureError
from workers.models import Job

pytestmark = pytest.mark.django_db

ONE, TWO = (encoded(Image.new("RGB", (16, 12), colour), "PNG") for colour in ("red", "blue"))
LONG = [f"Sentence number {n} of this note has exactly ten short words." for n in range(20)]


@pytest.fixture
def corpus():
    return collection_create(name="Pumps", visibility="public")


def save(corpus, external_id="p-1", images=None, **fields):
    return document_save(
        collection=corpus, external_id=external_id, fields=DocumentFields(**fields), images=images
    )


def passage_rows(document) -> list[tuple[int, str]]:
    return [(passage.pk, passage.text) for passage in document.passages.order_by("ordinal")]


def test_a_new_document_has_its_passages_with_true_offsets(corpus):
    document, changed = save(corpus, title="Pump", body="Größe 5. " + " ".join(LONG), tags=("a", "b"))
    assert changed
    rows = list(document.passages.order_by("ordinal"))
    assert len(rows) > 1
    assert [row.ordinal for row in rows] == list(range(len(rows)))
    assert all(document.body[row.start : row.end] == row.text for row in rows)
    assert document.tags == ["a", "b"]


def test_a_document_without_body_has_its_title_as_passage(corpus):
    document, _ = save(corpus, title="  Red valve ")
    passage = document.passages.get()
    assert (passage.text, passage.start, passage.end) == ("Red valve", 0, 0)


def test_saving_the_same_again_writes_nothing(corpus, django_assert_num_queries):
    fields = {"title": "T", "body": "B.", "tags": ("x",), "metadata": {"kind": "pump", "n": 1}}
    document, _ = save(corpus, **fields)
    before = (document.updated_at, passage_rows(document))
    again, changed = save(corpus, **{**fields, "metadata": {"n": 1, "kind": "pump"}})
    assert not changed
    assert (again.updated_at, passage_rows(again)) == before


def test_only_changed_passages_become_new_rows(corpus):
    document, _ = save(corpus, body=" ".join(LONG))
    before = dict(passage_rows(document))
    mended = [*LONG[:-1], "The last sentence is a different one and also has ten words."]
    document, changed = save(corpus, body="\n\n".join([" ".join(mended)]))
    assert changed
    after = dict(passage_rows(document))
    kept = before.keys() & after.keys()
    assert len(kept) == len(before) - 1
    assert all(before[pk] == after[pk] for pk in kept)


def test_a_moved_passage_keeps_its_row_and_gets_its_new_offsets(corpus):
    body = " ".join(LONG[:6])
    document, _ = save(corpus, body=body)
    (row,) = document.passages.all()
    document, _ = save(corpus, body=f"A first paragraph. {' '.join(LONG[10:18])}\n\n{' '.join(LONG[:6])}")
    moved = next((p for p in document.passages.all() if p.pk == row.pk), None)
    assert moved is None or document.body[moved.start : moved.end] == moved.text
    assert all(document.body[p.start : p.end] == p.text for p in document.passages.all())


def test_the_same_sentence_twice_keeps_two_rows(corpus):
    long_sentence = "The " + "very " * 70 + "long sentence."
    document, _ = save(corpus, body=f"{long_sentence} {long_sentence}")
    before = passage_rows(document)
    assert len(before) == 2
    document, _ = save(corpus, title="Now with a title", body=f"{long_sentence} {long_sentence}")
    assert passage_rows(document) == before


def test_pictures_are_kept_by_content_and_replaced_when_they_differ(corpus):
    first, second = image_input(ONE, corpus, alt="one"), image_input(TWO, corpus)
    document, _ = save(corpus, images=[first, second])
    rows = {image.blob_id: image.pk for image in document.images.all()}
    assert rows.keys() == {hashlib.sha256(ONE).hexdigest(), hashlib.sha256(TWO).hexdigest()}
    document, changed = save(corpus, images=[second])
    assert changed
    assert {image.blob_id: image.pk for image in document.images.all()} == {
        second.blob_id: rows[second.blob_id]
    }
    assert document.images.get().ordinal == 0


def test_none_as_pictures_keeps_those_that_are_there(corpus):
    document, _ = save(corpus, title="t", images=[image_input(ONE, corpus)])
    document, changed = save(corpus, title="t")
    assert not changed
    document, changed = save(corpus, title="other")
    assert changed
    assert document.images.count() == 1


def test_the_same_external_id_lives_in_two_collections(corpus):
    other = collection_create(name="Valves")
    first, _ = save(corpus, title="a")
    second, _ = save(other, title="a")
    assert first.pk != second.pk


@pytest.mark.parametrize(
    ("external_id", "fields", "error_id"),
    [
        (" ", {"title": "t"}, "document.external_id_missing"),
        ("x" * 201, {"title": "t"}, "document.field_too_long"),
        ("a", {"title": "t" * 501}, "document.field_too_long"),
        ("a", {"title": "t", "tags": ("t" * 81,)}, "document.field_too_long"),
        ("a", {"title": "t", "url": "javascript:alert(1)"}, "document.url_invalid"),
        ("a", {"title": "t", "url": "http://[broken"}, "document.url_invalid"),
        ("a", {"title": "t\x00"}, "document.not_text"),
        ("a", {"title": "t", "metadata": {"k": ["\ud800"]}}, "document.not_text"),
        ("a\x00", {"title": "t"}, "document.not_text"),
        ("a", {"body": "b" * 2_000_001}, "document.body_too_long"),
    ],
)
def test_what_a_document_may_not_hold_is_refused_by_id(corpus, external_id, fields, error_id):
    with pytest.raises(AppError) as refused:
        save(corpus, external_id=external_id, **fields)
    assert refused.value.id == error_id
    assert not Document.objects.exists()


def test_a_backslash_before_u0000_is_ordinary_text(corpus):
    save(corpus, title="a literal \\u0000 in a regex")


def test_the_same_picture_twice_is_kept_once_where_it_came_first(corpus):
    first, again = image_input(ONE, corpus, alt="first"), image_input(ONE, corpus, alt="again")
    other = image_input(TWO, corpus)
    document, changed = save(corpus, images=[first, other, again, other])
    assert changed
    assert [image.alt for image in document.images.order_by("ordinal")] == ["first", ""]
    assert save(corpus, images=[first, other])[1] is False


def test_an_empty_document_and_what_is_no_picture_are_refused(corpus):
    with pytest.raises(AppError, match=r"document\.empty"):
        save(corpus, images=[])
    with pytest.raises(PictureError, match=r"image\.unknown_format"):
        image_input(b"MZ not a picture", corpus)


def test_a_batch_says_what_happened_to_each_and_a_preview_says_the_same(corpus):
    def records(*titles):
        return [DocumentRecord(f"d{n}", DocumentFields(title=title)) for n, title in enumerate(titles)]

    assert documents_changes(collection=corpus, records=records("a", "b")) == ["new", "new"]
    assert documents_save(collection=corpus, records=records("a", "b")) == ["new", "new"]
    preview = documents_changes(collection=corpus, records=records("a", "B", "c"))
    assert preview == ["unchanged", "changed", "new"]
    assert documents_save(collection=corpus, records=records("a", "B", "c")) == preview
    assert sorted(Passage.objects.values_list("text", flat=True)) == ["B", "a", "c"]


def test_a_batch_with_one_bad_record_writes_nothing(corpus):
    bad = [DocumentRecord("ok", DocumentFields(title="t")), DocumentRecord("", DocumentFields(title="t"))]
    with pytest.raises(AppError):
        documents_save(collection=corpus, records=bad)
    assert not Document.objects.exists()


def test_a_batch_of_500_takes_a_handful_of_queries(corpus, django_assert_max_num_queries):
    records = [DocumentRecord(f"d{n}", DocumentFields(body=f"Text {n}.")) for n in range(500)]
    with django_assert_max_num_queries(14):
        documents_save(collection=corpus, records=records)
    with django_assert_max_num_queries(6):
        assert set(documents_save(collection=corpus, records=records)) == {"unchanged"}


def test_deleting_a_document_deletes_its_units(corpus):
    document, _ = save(corpus, title="t", images=[image_input(ONE, corpus)])
    document_delete(document=document)
    assert not Document.objects.exists()
    assert not Passage.objects.exists()
    assert not DocumentImage.objects.exists()


def test_many_edits_share_one_waiting_encode_job():
    assert encode_soon().pk == encode_soon().pk
    Job.objects.update(state="running")
    encode_soon()
    assert Job.objects.filter(type="encode").count() == 2


def test_saving_into_a_collection_that_was_deleted_meanwhile_says_so(corpus):
    Collection.objects.all().delete()
    with pytest.raises(AppError, match=r"collection\.not_found"):
        save(corpus, title="t")


@pytest.mark.django_db(transaction=True)
def test_two_writers_of_the_same_new_document_both_succeed_with_one_row():
    corpus = collection_create(name="Pumps")
    barrier = threading.Barrier(2)
    errors: list[Exception] = []

    def write() -> None:
        try:
            barrier.wait(10)
            save(corpus, title="t", body="Same body.")
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write) for _ in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert errors == []
    assert Document.objects.get().passages.count() == 1

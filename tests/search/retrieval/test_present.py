"""What a hit shows, and that a page of them is one statement."""

from __future__ import annotations

import pytest

from search.models import DocumentImage, Passage
from search.retrieval.present import BODY_BYTES_MAX, hits_of
from search.retrieval.types import RankedDocument
from tests.support.corpus import make_collection, make_documents
from workers.storage.blobs import blob_store

pytestmark = pytest.mark.django_db


def _images(document_id, count):
    return DocumentImage.objects.bulk_create(
        DocumentImage(
            document_id=document_id,
            ordinal=count - number,  # the last made comes first
            blob=blob_store(b"picture %d of %d" % (number, document_id), "image/png"),
        )
        for number in range(count)
    )


def _units(rows, documents=None):
    owners = documents or [row.document_id for row in rows]
    return [
        RankedDocument(owner, row.pk, 0.9 - place / 100)
        for place, (row, owner) in enumerate(zip(rows, owners, strict=True))
    ]


def test_a_page_of_hits_is_one_statement_whatever_it_shows(collection, django_assert_num_queries):
    rows = make_documents(collection, 12, metadata={"part": "7"}, tags=["pump"])
    for row in rows[:5]:
        _images(row.document_id, 2)
    with django_assert_num_queries(1):
        hits = hits_of(_units(rows[::-1]), "passage", [collection.pk], first_rank=11)
        shown = [(hit.document.title, hit.document.collection.slug, hit.document.metadata) for hit in hits]
        texts = [hit.unit.text for hit in hits]
    assert shown == [(row.document.title, "public", {"part": "7"}) for row in rows[::-1]]
    assert texts == [row.text for row in rows[::-1]]
    assert [(hit.rank, hit.score) for hit in hits][:2] == [(11, 0.9), (12, 0.89)]


def test_a_passages_cover_is_its_documents_first_picture(collection):
    with_pictures, without = make_documents(collection, 2)
    pictures = _images(with_pictures.document_id, 3)
    hits = hits_of(_units([with_pictures, without]), "passage", [collection.pk])
    assert [hit.cover for hit in hits] == [pictures[-1], None]
    assert [hit.kind for hit in hits] == ["passage", "passage"]


def test_a_picture_that_was_found_is_shown_and_no_other_of_its_document(collection):
    (row,) = make_documents(collection, 1)
    pictures = _images(row.document_id, 3)
    (hit,) = hits_of(_units(pictures[1:2]), "image", [collection.pk])
    assert (hit.unit, hit.document, hit.kind) == (pictures[1], row.document, "image")


def test_a_unit_that_is_gone_leaves_its_document_in_place(collection):
    gone, there = make_documents(collection, 2)
    units = _units([gone, there])
    Passage.objects.filter(pk=gone.pk).delete()
    hits = hits_of(units, "passage", [collection.pk])
    assert [(hit.document, hit.unit) for hit in hits] == [(gone.document, None), (there.document, there)]


def test_documents_that_are_gone_or_elsewhere_leave_no_gap_in_the_ranks(collection):
    rows = make_documents(collection, 3)
    (hidden,) = make_documents(make_collection("secret", visibility="private"), 1)
    units = _units([rows[0], hidden, rows[1], rows[2]])
    rows[1].document.delete()
    hits = hits_of(units, "passage", [collection.pk])
    assert [(hit.rank, hit.document) for hit in hits] == [(1, rows[0].document), (2, rows[2].document)]


def test_a_hit_does_not_bring_a_body_of_megabytes_with_it(collection):
    long, short = make_documents(collection, 2)
    type(long.document).objects.filter(pk=long.document_id).update(body="x" * (BODY_BYTES_MAX + 1))
    type(short.document).objects.filter(pk=short.document_id).update(body="x" * BODY_BYTES_MAX)
    hits = hits_of(_units([long, short]), "passage", [collection.pk])
    assert [len(hit.document.body) for hit in hits] == [0, BODY_BYTES_MAX]
    assert hits[0].unit == long

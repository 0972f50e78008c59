"""Which documents a curator's page shows: the same, wherever those with a word lie among all."""

from __future__ import annotations

import pytest

from search.curating import selection
from search.curating.selection import SORTS, asked_of, documents_counted, page_of
from search.models import Document
from search.services.document_fields import DocumentFields
from search.services.documents import DocumentRecord, documents_save
from tests.support.corpus import make_collection

pytestmark = pytest.mark.django_db

LEAKY = {2, 3, 5, 11, 12, 13, 14, 19}


@pytest.fixture
def collection():
    made = make_collection("notes")
    records = [
        DocumentRecord(
            f"d{number:02}",
            DocumentFields(
                title=f"{'Odd' if number % 2 else 'Even'} pump {number:02}",
                body="Its seal leaks." if number in LEAKY else "It runs.",
            ),
        )
        for number in range(20)
    ]
    for record in records:  # one after the other, so that times differ
        documents_save(collection=made, records=[record])
    return made


def pages(collection, words, sort):
    found, cursor = [], ""
    while True:
        page = page_of(asked_of(collection, words, {}, "", sort), cursor, None)
        assert len(page.documents) <= selection.DOCUMENTS_A_PAGE
        found += [document.external_id for document in page.documents]
        cursor = page.next
        if not cursor:
            return found


@pytest.mark.parametrize("near", [1, 4, 7, 50])
@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize(
    ("words", "fits"),
    [
        ("leaks", lambda number: number in LEAKY),  # of the text
        ("odd pu", lambda number: number % 2),  # a part of the title
        ("D1", lambda number: number // 10),  # a part of the id
        ("pump", lambda _: True),
        ("nothing", lambda _: False),
    ],
)
def test_pages_of_a_word_are_whole_and_in_order(collection, monkeypatch, near, sort, words, fits):
    monkeypatch.setattr(selection, "NEAR", near)
    monkeypatch.setattr(selection, "DOCUMENTS_A_PAGE", 3)
    every = Document.objects.order_by(sort, "-pk" if sort.startswith("-") else "pk")
    wanted = [one.external_id for one in every if fits(int(one.external_id[1:]))]
    assert pages(collection, words, sort) == wanted


def test_a_document_is_counted_once_whatever_number_of_its_passages_has_the_word(collection, monkeypatch):
    first, *others = Document.objects.filter(external_id__in=[f"d{number:02}" for number in LEAKY]).order_by(
        "pk"
    )
    for place in range(1, 40):
        first.passages.create(ordinal=place, start=0, end=9, text="Leaks again.")
    for document in others:  # theirs lie behind those of the first
        document.passages.all().delete()
        document.passages.create(ordinal=0, start=0, end=9, text="It leaks.")
    monkeypatch.setattr("retrieval_site.database.counting.COUNTED_MAX", 6)
    monkeypatch.setattr(selection, "COUNTED_MAX", 6)
    assert documents_counted(asked_of(collection, "leaks", {}, "", "")) == 7  # more than six


def test_a_word_is_counted_exactly_up_to_what_is_counted_at_all(collection, monkeypatch):
    for most, said in ((7, 8), (8, 8), (30, 8)):
        monkeypatch.setattr("retrieval_site.database.counting.COUNTED_MAX", most)
        monkeypatch.setattr(selection, "COUNTED_MAX", most)
        assert documents_counted(asked_of(collection, "leaks", {}, "", "")) == said

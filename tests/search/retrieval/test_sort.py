"""Sorting: the documents that were found, in another order, page by page."""

from __future__ import annotations

import pytest

from retrieval_site.errors import AppError
from search.models import Document, Query
from search.retrieval import reopen
from search.retrieval.sort import check_sort
from search.services.fields import field_values_write
from tests.support.corpus import clustered

pytestmark = pytest.mark.django_db


@pytest.fixture
def years(passages, collection):
    """Ten of the forty documents have no year; the others have one of seven."""
    documents = list(Document.objects.order_by("pk"))
    for n, document in enumerate(documents):
        document.metadata = {"year": 1990 + n % 7, "maker": f"M{n % 3}"} if n % 4 else {}
        document.title = f"Title {chr(65 + n % 26)}"
    Document.objects.bulk_update(documents, ["metadata", "title"])
    held = [(document.pk, [], document.metadata) for document in documents]
    field_values_write(collection_id=collection.pk, documents=held)
    return {document.pk: document.metadata.get("year") for document in documents}


def ids(answer):
    return [hit.document.pk for hit in answer.hits]


def question():
    return clustered(1, 16, seed=2)[0]


@pytest.mark.parametrize(("sort", "sign"), [("metadata.year", 1), ("-metadata.year", -1)])
def test_the_found_are_sorted_by_a_field_equal_ones_by_relevance(ask, years, sort, sign) -> None:
    relevant = ids(ask(question(), limit=100))
    lacking = [pk for pk in relevant if years[pk] is None]
    having = sorted((pk for pk in relevant if years[pk] is not None), key=lambda pk: sign * years[pk])
    answer = ask(question(), limit=100, sort=sort)
    assert ids(answer) == having + lacking
    assert [hit.rank for hit in answer.hits] == list(range(1, 41))
    assert Query.objects.get(pk=answer.query_id).sort == sort


def test_pages_of_a_sorted_answer_are_parts_of_it(ask, years) -> None:
    whole = ids(ask(question(), limit=100, sort="-metadata.year"))
    answer = ask(question(), limit=15, sort="-metadata.year")
    pages = ids(answer)
    while answer.next:
        answer = reopen(answer.query_id, None, 15, answer.next)
        pages += ids(answer)
    assert pages == whole


@pytest.mark.parametrize(
    "sort", ["created_at", "-updated_at", "title", "-title", "metadata.maker", "metadata.none"]
)
def test_dates_titles_and_texts_can_be_sorted_by(ask, years, sort) -> None:
    documents = Document.objects.in_bulk()

    def key(pk):
        name = sort.removeprefix("-")
        own = documents[pk]
        return own.metadata.get(name[9:], "~") if name.startswith("metadata") else getattr(own, name)

    found = ids(ask(question(), limit=100, sort=sort))
    assert len(found) == 40
    assert [key(pk) for pk in found] == sorted(map(key, found), reverse=sort.startswith("-"))


def test_what_was_found_further_behind_is_sorted_by_itself(ask, version, collection) -> None:
    from tests.support.corpus import make_documents, store

    rows = make_documents(collection, 150)
    for n, document in enumerate(Document.objects.order_by("pk")):
        Document.objects.filter(pk=document.pk).update(title=f"{n * 37 % 150:03}")
    store(version, rows, clustered(150, 16, seed=5))
    answer = ask(question(), limit=100, sort="title")
    behind = reopen(answer.query_id, None, 100, answer.next)
    titles = [hit.document.title for hit in answer.hits], [hit.document.title for hit in behind.hits]
    assert [len(part) for part in titles] == [100, 50]
    assert [sorted(part) for part in titles] == list(titles)


@pytest.mark.parametrize("sort", ["", "-relevance", "year", "metadata.", "--title", "metadata.\0"])
def test_what_nothing_can_be_sorted_by_is_refused(sort) -> None:
    with pytest.raises(AppError, match=r"parameter\.invalid"):
        check_sort(sort)


def test_titles_are_sorted_as_people_read_them_and_none_comes_last(ask, passages) -> None:
    titles = ["Zange", "Äpfel", "apfel", "", "Öl", "Nagel"]
    Document.objects.exclude(pk__in=[row.document_id for row in passages[:6]]).delete()
    for row, title in zip(passages, titles, strict=False):
        Document.objects.filter(pk=row.document_id).update(title=title)
    named = {row.document_id: title for row, title in zip(passages, titles, strict=False)}
    assert [named[pk] for pk in ids(ask(question(), sort="title"))] == [
        "apfel",
        "Äpfel",
        "Nagel",
        "Öl",
        "Zange",
        "",
    ]
    assert [named[pk] for pk in ids(ask(question(), sort="-title"))] == [
        "Zange",
        "Öl",
        "Nagel",
        "Äpfel",
        "apfel",
        "",
    ]

"""The admin's lists find by indexes what is looked for, and leave to superusers what draws on all rows."""

from __future__ import annotations

import uuid

import pytest
from django.db import connection

from retrieval_site.accounts.models import User
from retrieval_site.database import counting
from search.curating.naming import documents_named
from search.models import AuditEntry, Collection, Document, Judgement, Query, QueryPart
from tests.support.corpus import make_collection, make_documents

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _superuser(client):
    client.force_login(User.objects.create_superuser("chief"))


def _list(client, model: str, **sent: str) -> str:
    return " ".join(client.get(f"/admin/search/{model}/", sent).content.decode().split())


def _asked(text: str) -> Query:
    query = Query.objects.create()
    QueryPart.objects.create(query=query, modality="text", text=text)
    return query


@pytest.mark.parametrize("words", ["leaky", "eaky Pu", "LEAKY PUMP", "ID-77", "seals"])
def test_documents_are_found_by_a_part_of_a_name_or_by_words_in_any_form(client, words):
    collection = make_collection()
    make_documents(collection, 3)
    found = Document.objects.create(collection=collection, external_id="id-77", title="Leaky pump")
    found.passages.create(ordinal=0, start=0, end=10, text="Its seal drips.")
    shown = _list(client, "document", q=words)
    assert "Leaky pump" in shown
    assert "1 document " in shown
    assert "Document 1" not in shown


def test_no_part_of_a_word_of_a_text_is_looked_for(client):
    document = Document.objects.create(collection=make_collection(), external_id="a", title="Leaky pump")
    document.passages.create(ordinal=0, start=0, end=10, text="Its gasket drips.")
    assert "Leaky pump" in _list(client, "document", q="gaskets")
    assert "Leaky pump" not in _list(client, "document", q="aske")


def test_words_are_those_of_each_collections_language():
    german, english = make_collection("german"), make_collection("english")
    Collection.objects.filter(pk=german.pk).update(language="german")
    german.refresh_from_db()
    for collection, text in ((german, "Die Häuser brennen."), (english, "Houses burn.")):
        document = Document.objects.create(collection=collection, external_id="a")
        document.passages.create(ordinal=0, start=0, end=9, text=text)
    both = [german, english]
    assert Document.objects.get(documents_named(both, "Haus")).collection == german
    assert Document.objects.get(documents_named(both, "house")).collection == english
    assert not Document.objects.filter(documents_named([english], "Haus")).exists()


@pytest.mark.parametrize(
    ("rows", "index"),
    [
        (Document.objects.filter(title__icontains="valve"), "document_name_trigrams"),
        (Document.objects.filter(external_id__icontains="d47"), "document_name_trigrams"),
        (QueryPart.objects.filter(text__icontains="valve"), "query_part_text_trigrams"),
        (Judgement.objects.filter(comment__icontains="wrong"), "judgement_comment_trigrams"),
        (AuditEntry.objects.filter(actor__icontains="ann"), "audit_trigrams"),
    ],
)
def test_each_column_that_is_looked_through_has_its_index(rows, index):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off")
    assert index in rows.order_by().explain()


@pytest.mark.parametrize(
    ("order", "index"),
    [(["id"], "document_of_collection"), (["title", "id"], "document_title_order")],
)
def test_a_collection_is_listed_by_an_index(order, index):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
        # Of a table of few rows, the planner may as well go by the key and filter.
        cursor.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'search_document_pkey'::regclass"
        )
    plan = Document.objects.filter(collection=1).order_by(*order)[:9].explain()
    assert index in plan
    assert "Sort" not in plan


def test_searches_are_found_by_their_words_or_whole_id(client):
    wanted, other = _asked("leaking pump"), _asked("broken gear")
    for term in ("king PU", str(wanted.pk), f" {wanted.pk.hex} "):
        shown = _list(client, "query", q=term)
        assert "leaking pump" in shown
        assert "broken gear" not in shown
    assert other.text in _list(client, "query", q="gear")
    assert "Nothing matches." in _list(client, "query", q=str(uuid.uuid4()))


def test_searches_are_kept_apart_by_modality_and_target(client):
    _asked("leaking pump")
    photo = Query.objects.create(target="images")
    QueryPart.objects.create(query=photo, modality="image")
    assert "1 query " in _list(client, "query", modality="text")
    assert "leaking pump" not in _list(client, "query", modality="image")
    assert "1 query " in _list(client, "query", target="images")
    assert "leaking pump" in _list(client, "query", target="passages")


def test_judgements_are_found_by_comment_title_or_external_id(client):
    query, (passage, other) = _asked("pump"), make_documents(make_collection(), 2)
    Document.objects.filter(pk=passage.document_id).update(title="Leaky valve", external_id="id-77")
    user = User.objects.create(username="ann")
    Judgement.objects.create(
        query=query, document_id=passage.document_id, user=user, grade=1, comment="Too far"
    )
    Judgement.objects.create(query=query, document_id=other.document_id, user=user, grade=1)
    for term in ("oo FAR", "valve", "ID-77"):
        assert "1 judgement " in _list(client, "judgement", q=term)
    assert "Nothing matches." in _list(client, "judgement", q="nothing has this")


def test_what_is_chosen_of_all_pages_has_no_number_where_it_is_not_known(client, monkeypatch):
    monkeypatch.setattr(counting, "COUNTED_MAX", 60)
    make_documents(make_collection(), 55)
    assert "All 55 selected" in _list(client, "document")
    make_documents(make_collection("more"), 10)
    shown = _list(client, "document")
    assert "All that match are selected, on further pages too" in shown
    assert "Pages show the first 60 only" in shown
    assert client.get("/admin/search/document/?p=2").status_code == 200
    assert client.get("/admin/search/document/?p=3").status_code == 302

"""The bar above the hits: what was marked, the search that it moves, and the way back."""

from __future__ import annotations

import numpy as np
import pytest

from search.models import Query
from search.retrieval import search
from search.retrieval.types import EmbeddingPart, SearchRequest
from search.vectors.background import backgrounds_forget
from tests.support.corpus import make_collection, make_documents, make_version, store, unit_rows
from tests.support.pages import shown_page

pytestmark = pytest.mark.django_db
DIM = 16
NOTHING = np.zeros(DIM, dtype=np.float32)
A, B = np.eye(DIM, dtype=np.float32)[:2]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def documents():
    """Six of one kind, six of another, and unrelated ones: their ids."""
    backgrounds_forget()
    version = make_version(dim=DIM)
    rows = make_documents(make_collection(), 42)
    draw = np.random.default_rng(2).normal(size=(42, DIM)) * 0.05
    store(version, rows, unit_rows(draw + np.repeat([A, B, NOTHING], [6, 6, 30], axis=0)))
    return [row.document_id for row in rows[:12]]


@pytest.fixture
def query(documents) -> Query:
    part = EmbeddingPart(tuple(map(float, A + 0.9 * B)))
    return Query.objects.get(pk=search(SearchRequest(None, (part,), model="fake@1")).query_id)


def mark(client, query, document, verdict, headers=None, **more):
    data = {"document": document, "verdict": verdict, **more}
    return client.post(f"/q/{query.pk}/judge/", data, headers=headers)


def moved(client, query):
    response = client.post(f"/q/{query.pk}/marks/", follow=True)
    return response, Query.objects.filter(marked=query.judged_id).first()


def test_nothing_is_offered_before_something_is_marked(client, query):
    page = shown_page(client.get(f"/q/{query.pk}/"))
    assert '<div id="marks" aria-live="polite"> </div>' in page
    response = client.post(f"/q/{query.pk}/marks/")
    assert response.status_code == 400
    assert "Mark some of the documents" in shown_page(response)
    assert "data-hit" in shown_page(response)


def test_a_mark_brings_the_offer_with_its_own_answer(client, query, documents):
    page = shown_page(mark(client, query, documents[0], "relevant", bar=1, headers=HTMX))
    assert '<div id="marks" aria-live="polite" hx-swap-oob="true">' in page
    assert f'action="/q/{query.pk}/marks/"' in page
    assert "More like those I marked" in page
    page = shown_page(mark(client, query, documents[0], "undo", bar=1, headers=HTMX))
    assert "marks/" not in page


def test_where_there_is_no_bar_a_mark_sends_none(client, query, documents):
    page = shown_page(mark(client, query, documents[0], "relevant", headers=HTMX))
    assert 'id="marks"' not in page


def test_marks_lead_to_a_search_that_they_moved_and_back(client, query, documents):
    mark(client, query, documents[0], "not-relevant")
    assert "Less like those I marked" in shown_page(client.get(f"/q/{query.pk}/"))
    mark(client, query, documents[6], "relevant")
    response, new = moved(client, query)
    assert [entry["document"] for entry in new.answer[:6]] != [
        entry["document"] for entry in query.answer[:6]
    ]
    assert {entry["document"] for entry in new.answer[:6]} == set(documents[6:])
    page = shown_page(response)
    assert "Moved by your marks: more like 1 document, less like 1 other, which is left out." in page
    assert f'<a href="/q/{query.pk}/">Back to the search as it was asked</a>' in page
    assert "What you marked moved the search" in page


def test_its_hits_show_what_was_marked_before_and_marks_there_count_too(client, query, documents):
    mark(client, query, documents[6], "relevant")
    response, new = moved(client, query)
    pressed = f'id="yes-{documents[6]}" name="verdict" value="undo" aria-pressed="true"'
    assert pressed in shown_page(response)
    assert "Search again with these marks" not in shown_page(response)
    assert "These are the results for those marks" in shown_page(response)
    mark(client, new, documents[0], "relevant")
    assert "Search again with these marks" in shown_page(client.get(f"/q/{new.pk}/"))
    client.post(f"/q/{new.pk}/marks/")
    assert {len(row.marks["relevant"]) for row in Query.objects.filter(marked=query)} == {1, 2}


def test_filters_of_a_moved_search_keep_it_moved(client, query, documents):
    mark(client, query, documents[6], "relevant")
    _, new = moved(client, query)
    narrowed = client.get(f"/q/{new.pk}/?collections=public", follow=True)
    assert "Moved by your marks" in shown_page(narrowed)
    assert Query.objects.filter(marked=query).count() == 2

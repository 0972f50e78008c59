"""Keeping a search is no part of reading: it fails, or is switched off, and the answer goes out."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from django.db import connection
from rest_framework.test import APIClient

from retrieval_site.accounts.models import User
from retrieval_site.errors import AppError
from search.models import Query, QueryPart
from search.retrieval import reopen
from search.retrieval.encode import _Asked
from tests.search.api.test_schema import assert_described
from tests.support.corpus import clustered, make_documents, store
from workers.models import Blob

pytestmark = pytest.mark.django_db(transaction=True)
DIM = 16
NEAR = clustered(1, DIM, seed=9)[0]
REFUSING = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'the disk is full'; END $$;
    CREATE TRIGGER refusing BEFORE {event} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse();
"""


@pytest.fixture
def refusing():
    """Let the database refuse to write a table: `refusing("search_query", "INSERT")`."""

    def refuse(table, event):
        with connection.cursor() as cursor:
            cursor.execute(REFUSING.format(table=table, event=event))

    yield refuse
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION IF EXISTS refuse CASCADE")


def post(version, **more):
    return APIClient().post(
        "/api/v1/search/", {"embedding": NEAR.tolist(), "model": version.key, "limit": 3, **more}
    )


@pytest.mark.parametrize("table", ["search_query", "search_querypart"])
def test_a_search_that_cannot_be_kept_is_answered_without_an_id(
    table, ask, version, passages, refusing, caplog
):
    kept = ask(NEAR, limit=3)
    refusing(table, "INSERT")
    answer = ask(NEAR, limit=3)
    assert answer.hits == kept.hits
    assert (answer.query_id, answer.next) == (None, None)
    assert [warning["id"] for warning in answer.warnings] == ["query.not_kept"]
    assert (Query.objects.count(), QueryPart.objects.count()) == (1, 1)  # all or nothing
    (logged,) = [record for record in caplog.records if record.name == "search.retrieval.keep"]
    assert logged.levelno == logging.ERROR
    assert "the disk is full" in str(logged.exc_info[1])
    assert reopen(kept.query_id, None, 3).hits == kept.hits  # the connection is as good as before


def test_the_api_says_null_and_why(version, passages, refusing):
    refusing("search_query", "INSERT")
    response = post(version)
    body = response.json()
    assert response.status_code == 200
    assert (body["query"]["id"], body["query"]["url"], body["next"]) == (None, None, None)
    assert [warning["id"] for warning in body["warnings"]] == ["query.not_kept"]
    assert len(body["results"]) == 3
    assert_described(response, "/api/v1/search/", "post")


def test_switched_off_nothing_is_kept_and_nothing_warned_of(ask, version, passages, settings):
    settings.CONFIG = replace(settings.CONFIG, keep_queries=False)
    body = post(version).json()
    assert (body["query"]["id"], body["warnings"], len(body["results"])) == (None, [], 3)
    assert ask(NEAR, limit=3).query_id is None
    assert (Query.objects.count(), QueryPart.objects.count()) == (0, 0)


def page_of(client, version, passages, **headers):
    return client.post("/search/", {"document": passages[0].document_id}, headers=headers)


@pytest.mark.parametrize("failing", [True, False])
def test_the_page_shows_the_hits_at_once(client, version, passages, refusing, settings, failing):
    if failing:
        refusing("search_query", "INSERT")
    else:
        settings.CONFIG = replace(settings.CONFIG, keep_queries=False)
    response = page_of(client, version, passages)
    page = response.content.decode()
    assert response.status_code == 200
    assert page.count('class="hit"') == 10
    assert passages[0].document.title in page
    assert ("could not be kept" in page) is failing
    for needs_an_id in ("/judge/", "/again/", "/delete/", "data-copy=", "data-more", "?q="):
        assert needs_an_id not in page
    assert "no-store" in response["Cache-Control"]


def test_htmx_puts_the_hits_in_place_of_what_the_page_shows(client, version, passages, refusing):
    refusing("search_query", "INSERT")
    response = page_of(client, version, passages, HX_Request="true")
    assert (response["HX-Retarget"], response["HX-Reselect"]) == ("main", "main")
    assert response.content.decode().count('class="hit"') == 10


def test_a_photo_whose_small_copy_does_not_come_is_answered(version, passages, monkeypatch):
    """The copy comes behind the vector; the worker may be gone by then."""

    def lost(self):
        raise AppError("encoder.timeout", "The model did not answer in time.", status=503)

    monkeypatch.setattr(_Asked, "previews", lost)
    body = post(version).json()
    assert (body["query"]["id"], len(body["results"])) == (None, 3)
    assert not Blob.objects.filter(content_type="image/jpeg").exists()


def test_reading_on_ends_where_what_is_found_cannot_be_kept(ask, version, collection, refusing, caplog):
    store(version, make_documents(collection, 150), clustered(150, DIM, seed=30))
    anna = User.objects.create_user("anna")
    first = ask(NEAR, viewer=anna, limit=100)
    refusing("search_query", "UPDATE")
    page = reopen(first.query_id, anna, 100, first.next)
    assert (page.hits, page.next) == ((), None)
    assert "could not be kept" in caplog.text
    assert len(Query.objects.get().answer) == 100

"""A kept answer under its address; the real door reads it, no worker is needed."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from tests.support.corpus import make_collection
from tests.support.pages import kept_query, picture_bytes, save_document
from workers.blobs import blob_store

if TYPE_CHECKING:
    from django.test import Client

    from search.models import Document

pytestmark = pytest.mark.django_db


def _documents(count: int, slug: str = "public", **fields: str) -> list[Document]:
    collection = make_collection(slug, **fields)
    return [
        save_document(collection, f"{slug}{n}", title=f"{slug.title()} number {n}", body=f"Body {n}.")
        for n in range(count)
    ]


def _page(client: Client, address: str, **headers: str) -> str:
    return client.get(address, headers=headers).content.decode()


def test_the_hits_stand_in_their_order_with_score_and_collection(client: Client) -> None:
    query = kept_query(_documents(3))
    page = _page(client, f"/q/{query.pk}/")
    places = [page.index(f"Public number {n}</a>") for n in range(3)]
    assert places == sorted(places)
    assert "0.90" in page
    assert 'width="90"' in page
    assert 'href="/collections/public/"' in page
    assert "a valve" in page


def test_the_next_hits_come_alone_to_htmx_and_as_a_page_to_others(client: Client) -> None:
    query = kept_query(_documents(12))
    first = client.get(f"/q/{query.pk}/")
    cursor = first.context["next"]
    assert cursor
    fragment = _page(client, f"/q/{query.pk}/?next={cursor}", **{"HX-Request": "true"})
    assert "<html" not in fragment
    assert fragment.count("data-hit-link") == 2
    whole = _page(client, f"/q/{query.pk}/?next={cursor}")
    assert "More results" in whole
    assert whole.count("data-hit-link") == 2


def test_of_a_shared_answer_everybody_sees_what_they_may_see(client: Client) -> None:
    query = kept_query([*_documents(1), *_documents(1, "secret", visibility="private")])
    page = _page(client, f"/q/{query.pk}/")
    assert "Public number 0" in page
    assert "Secret" not in page


def test_a_private_document_that_was_asked_with_is_not_named(client: Client) -> None:
    hidden = _documents(1, "secret", visibility="private")[0]
    query = kept_query(_documents(1), modality="document", text="", document=hidden)
    page = _page(client, f"/q/{query.pk}/")
    assert "Secret" not in page
    assert "a document" in page


def test_an_empty_answer_says_what_to_try(client: Client) -> None:
    query = kept_query([])
    assert "Try more collections or other words" in _page(client, f"/q/{query.pk}/")
    query.target = "images"
    query.save()
    assert "Try documents instead" in _page(client, f"/q/{query.pk}/")


def test_an_answer_is_kept_by_no_shared_cache(client: Client) -> None:
    response = client.get(f"/q/{kept_query([]).pk}/")
    assert "private" in response["Cache-Control"]
    assert "HX-Request" in response["Vary"]


def test_the_photo_is_shown_and_kept_by_the_browser(client: Client) -> None:
    data = picture_bytes("purple")
    query = kept_query([], modality="image", text="", preview=blob_store(data, "image/jpeg"))
    assert f"/q/{query.pk}/photo" in _page(client, f"/q/{query.pk}/")
    response = client.get(f"/q/{query.pk}/photo")
    assert b"".join(response.streaming_content) == data
    assert response["Cache-Control"] == "private, no-cache"
    assert "sandbox" in response["Content-Security-Policy"]
    again = client.get(f"/q/{query.pk}/photo", headers={"If-None-Match": response["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_search_without_a_photo_has_none(client: Client) -> None:
    assert client.get(f"/q/{kept_query([]).pk}/photo").status_code == 404


@pytest.mark.parametrize("more", ["", "photo", "?next=x"])
def test_a_query_that_does_not_exist_is_explained(client: Client, more: str) -> None:
    assert client.get(f"/q/{uuid.uuid4()}/{more}").status_code == 404


def test_a_broken_cursor_is_an_error_a_person_can_read(client: Client) -> None:
    response = client.get(f"/q/{kept_query(_documents(1)).pk}/?next=nonsense")
    assert response.status_code == 400
    assert "cursor.invalid" in response.content.decode()


def test_a_page_of_results_costs_a_fixed_number_of_queries(
    client: Client, django_assert_max_num_queries
) -> None:
    query = kept_query(_documents(10))
    with django_assert_max_num_queries(12):
        client.get(f"/q/{query.pk}/")

"""A kept answer under its address; the real door reads it, no worker is needed."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

import pytest

from demo.examples import drawing
from tests.support.corpus import make_collection, make_version
from tests.support.pages import kept_query, picture_bytes, save_document, shown_page
from workers.storage.blobs import blob_store

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
    return shown_page(client.get(address, headers=headers))


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
    assert "cursor.invalid" in shown_page(response)


def test_a_page_of_results_costs_a_fixed_number_of_queries(
    client: Client, django_assert_max_num_queries
) -> None:
    query = kept_query(_documents(10))
    with django_assert_max_num_queries(12):
        client.get(f"/q/{query.pk}/")


def test_an_address_brings_back_as_many_hits_as_somebody_had_on_screen(client: Client) -> None:
    query = kept_query(_documents(25))
    for wanted, shown in (("20", 20), ("25", 25), ("1000", 25), ("3", 10), ("x", 10), ("9" * 30, 10)):
        page = client.get(f"/q/{query.pk}/?hits={wanted}")
        assert shown_page(page).count("data-hit-link") == shown
        assert bool(page.context["next"]) == (shown < 25)
        assert [card.rank for card in page.context["cards"]] == list(range(1, shown + 1))


def test_a_document_leads_back_to_results_that_hold_it(client: Client) -> None:
    documents = _documents(25)
    query = kept_query(documents)
    for place, more in ((9, ""), (10, "?hits=20"), (24, "?hits=30")):
        page = _page(client, f"/documents/{documents[place].pk}/?q={query.pk}")
        assert f'href="/q/{query.pk}/{more}#hit-{documents[place].pk}"' in page
        assert 'name="text" value="a valve"' in page


def test_the_words_asked_for_stay_in_the_box_with_what_was_chosen(client: Client) -> None:
    query = kept_query(_documents(12), target="passages", collections=["public", "vault"])
    make_collection("vault", visibility="private")
    page = _page(client, f"/q/{query.pk}/")
    assert 'value="a valve"' in page
    chosen = '<input type="hidden" name="collections" value="{}">'
    # the box, the parts, the choice of what to look for; “Like this” and “More like this” of each hit
    assert page.count(chosen.format("public")) == 1 + 1 + 1 + 2 * 10
    assert "vault" not in page
    cursor = client.get(f"/q/{query.pk}/").context["next"]
    more = _page(client, f"/q/{query.pk}/?next={cursor}", **{"HX-Request": "true"})
    assert more.count(chosen.format("public")) == 4


def test_warnings_stand_above_the_hits_once(client: Client) -> None:
    message = "The model does not know “Zylinder”; it searched for the rest."
    warning = {"id": "text.unknown_words", "message": message, "detail": {"unknown_words": ["Zylinder"]}}
    page = _page(client, f"/q/{kept_query(_documents(1), warnings=[warning]).pk}/")
    assert page.count(message) == 1
    assert page.index(message) < page.index("data-hit-link")


def test_an_answer_to_unknown_words_says_so_instead_of_advising_more_collections(client: Client) -> None:
    message = "The model knows none of these words: “Zylinder”."
    warning = {"id": "text.nothing_known", "message": message, "detail": {"unknown_words": ["Zylinder"]}}
    page = _page(client, f"/q/{kept_query([], warnings=[warning]).pk}/")
    assert page.count(message) == 1
    assert "Nothing found" in page
    assert "more collections" not in page
    assert "Nothing was compared, because the model knows none of the words." in page


def test_pictures_that_are_not_there_lead_to_documents(client: Client) -> None:
    make_collection("pumps")
    page = _page(client, f"/q/{kept_query([], target='images', collections=['pumps']).pk}/")
    assert "Look for documents" in page


def test_a_page_of_the_demos_model_says_what_it_knows(client: Client) -> None:
    said = "It knows drawn machine parts only."
    assert said not in _page(client, f"/q/{kept_query([], version=make_version()).pk}/")
    assert said in _page(client, f"/q/{kept_query([], version=make_version('demo-vsepp')).pk}/")
    _documents(1)
    assert said in _page(client, "/")


def test_pages_say_that_the_demo_still_draws_its_pictures_while_it_does(client: Client) -> None:
    _documents(1)
    query = kept_query([], version=make_version("demo-vsepp"), target="images")
    said = "pictures are still being drawn"
    with drawing():
        assert said in _page(client, "/")
        assert said in _page(client, f"/q/{query.pk}/")
    assert said not in _page(client, "/")
    assert said not in _page(client, f"/q/{query.pk}/")


_HEADING_WITH_LINK = re.compile(r'(<h[1-3][^<>]* dir="auto"[^<>]*>)<a')
"""The heading's direction, and with it its side of the card, is that of the link in it."""


def test_what_people_wrote_stands_in_its_own_direction(client: Client) -> None:
    collection = make_collection("arabic")
    collection.name, collection.description = "وثائق", "وصف"
    collection.save()
    document = save_document(
        collection, "رقم", title="مضخة", body="المضخة", tags=("أحمر",), metadata={"النوع": "كبير"}
    )
    query = kept_query([document], text="مضخة حمراء")
    addresses = ("/collections/", "/collections/arabic/", f"/documents/{document.pk}/", f"/q/{query.pk}/")
    pages = {address: _page(client, address) for address in addresses}
    written = re.compile(r"<([a-z0-9]+)([^<>]*)>[^<>]*[\u0600-\u06ff]")
    for address, page in pages.items():
        shown = _HEADING_WITH_LINK.sub(r'\1<a dir="auto"', page.partition("<main")[2])
        found = written.findall(shown)
        assert found, address
        bare = [tag for tag, rest in found if 'dir="auto"' not in rest and tag not in ("bdi", "mark")]
        assert [tag for tag in bare if tag != "span"] == [], address

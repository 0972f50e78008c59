"""Home, collections, login, and pages that are not there."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import pytest

from models_admin.models import Alias
from retrieval_site.accounts.models import User
from retrieval_site.database import counting
from search.models import Membership
from tests.support.corpus import make_collection, make_documents, make_version
from tests.support.pages import picture_bytes, save_document, shown_page

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db


def _page(client: Client, address: str) -> str:
    return shown_page(client.get(address))


def test_home_counts_what_the_viewer_may_search(client: Client) -> None:
    make_version()
    make_documents(make_collection(), 3)
    private = make_collection("secret", visibility="private")
    make_documents(private, 2)
    assert "Searching 3 documents in" in _page(client, "/")
    member = User.objects.create_user("member")
    Membership.objects.create(collection=private, user=member)
    client.force_login(member)
    assert "Searching 5 documents in 2 collections" in _page(client, "/")


def test_without_a_collection_home_says_so_and_offers_to_sign_in(client: Client) -> None:
    page = _page(client, "/")
    assert "There is no collection to search yet" in page
    assert "data-search" not in page


def test_without_a_model_home_tells_staff_what_to_do(client: Client) -> None:
    make_documents(make_collection(), 1)
    assert "No model is answering yet" in _page(client, "/")
    assert "Open the models" not in _page(client, "/")
    client.force_login(User.objects.create_superuser("root"))
    assert "Open the models" in _page(client, "/")


def test_with_empty_collections_home_says_so(client: Client) -> None:
    make_version()
    make_collection()
    assert "The collections are still empty" in _page(client, "/")


def test_collections_lists_what_may_be_seen_with_counts(client: Client) -> None:
    make_documents(make_collection("notes"), 4)
    make_collection("secret", visibility="private")
    page = _page(client, "/collections/")
    assert "Notes" in page
    assert "4 documents" in page
    assert "Secret" not in page


def test_a_collection_is_paged_and_searched_by_title(client: Client) -> None:
    collection = make_collection("notes")
    make_documents(collection, 31)
    save_document(collection, "x", title="Cracked Valve", pictures=[picture_bytes()])
    page = _page(client, "/collections/notes/")
    assert "32 documents" in page
    assert "1 picture<" in page
    assert "Page 1 of 2" in page
    assert "Document 30" in _page(client, "/collections/notes/?page=2")
    found = _page(client, "/collections/notes/?title=valve")
    assert "Cracked Valve" in found
    assert "Document 3" not in found
    assert "No title contains" in _page(client, "/collections/notes/?title=%00nothing")


def test_paging_keeps_the_title_that_is_searched_for(client: Client) -> None:
    make_documents(make_collection("notes"), 31)
    assert "?title=Document&amp;page=2" in _page(client, "/collections/notes/?title=Document")


@pytest.mark.parametrize("slug", ["secret", "nowhere"])
def test_a_private_collection_looks_like_one_that_does_not_exist(client: Client, slug: str) -> None:
    make_collection("secret", visibility="private")
    response = client.get(f"/collections/{slug}/")
    assert response.status_code == 404
    assert "This collection cannot be shown" in shown_page(response)


@pytest.mark.parametrize("address", ["/", "/collections/", "/documents/1/", "/images/abc"])
def test_where_anonymous_search_is_closed_every_page_leads_to_the_login(
    client: Client, settings, address: str
) -> None:
    settings.CONFIG = dataclasses.replace(settings.CONFIG, anonymous_search=False)
    response = client.get(address)
    assert (response.status_code, response["Location"]) == (302, f"/login/?next={address}")


def test_people_sign_in_and_out(client: Client) -> None:
    User.objects.create_user("ann", password="a good password")
    wrong = client.post("/login/", {"username": "ann", "password": "guess"})
    assert "do not belong together" in shown_page(wrong)
    right = client.post(
        "/login/", {"username": "ann", "password": "a good password", "next": "/collections/"}
    )
    assert right["Location"] == "/collections/"
    assert "Sign out" in _page(client, "/collections/")
    client.post("/logout/")
    assert "Sign in" in _page(client, "/collections/")


def test_an_address_that_does_not_exist_is_told_in_the_same_look(client: Client) -> None:
    response = client.get("/nowhere/at/all")
    assert response.status_code == 404
    assert "There is nothing at this address" in shown_page(response)


def test_pages_cost_a_fixed_number_of_queries(client: Client, django_assert_num_queries) -> None:
    make_version()
    collection = make_collection("notes")
    documents = [
        save_document(collection, f"d{n}", title=f"T{n}", pictures=[picture_bytes((n, 0, 0))])
        for n in range(5)
    ]
    for address, queries in (
        ("/", 3),  # also whether the champion knows pages
        ("/collections/", 1),
        ("/collections/notes/", 5),
        (f"/documents/{documents[0].pk}/", 4),  # itself, pictures, fields' labels, file
    ):
        with django_assert_num_queries(queries):
            client.get(address)
    assert Alias.objects.exists()


@pytest.fixture
def demo_example(settings, tmp_path) -> bytes:
    folder = tmp_path / "demo" / "examples"
    folder.mkdir(parents=True)
    data = picture_bytes("green")
    (folder / "rusty-green-pump.jpg").write_bytes(data)
    rows = [{"key": "rusty-green-pump", "label": "rusty green pump"}]
    (folder / "examples.json").write_text(json.dumps(rows))
    settings.DATA_DIR = tmp_path
    return data


def test_home_offers_the_example_photos_of_the_demo(client: Client, demo_example: bytes) -> None:
    make_version()
    make_documents(make_collection(), 1)
    page = _page(client, "/")
    assert 'value="rusty-green-pump"' in page
    assert 'alt="rusty green pump"' in page
    assert b"".join(client.get("/examples/rusty-green-pump").streaming_content) == demo_example


@pytest.mark.parametrize("key", ["other", "examples.json", "..%2F..%2Fsecret"])
def test_only_examples_are_served_as_examples(client: Client, demo_example: bytes, key: str) -> None:
    assert client.get(f"/examples/{key}").status_code == 404
    assert client.post("/search/", {"example": key}).status_code == 404


def test_a_request_that_cannot_be_read_is_told_in_the_same_look(client: Client) -> None:
    response = client.post("/search/", {f"f{n}": "" for n in range(1100)})
    assert response.status_code == 400
    assert "That could not be read" in shown_page(response)


def test_a_defect_is_told_without_details(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr("search.views.home.examples", broken)
    client.raise_request_exception = False
    response = client.get("/")
    assert response.status_code == 500
    assert "Something broke on our side" in shown_page(response)
    assert "secret detail" not in shown_page(response)


def test_a_large_collection_is_counted_about_and_its_first_pages_shown(client: Client, monkeypatch) -> None:
    monkeypatch.setattr(counting, "COUNTED_MAX", 40)
    make_version()
    make_documents(make_collection("notes"), 45)
    page = _page(client, "/collections/notes/")
    assert "more than 40 documents" in page
    assert "Page 1 of 2" in page
    assert "Pages show the first 40 only." in page
    assert "Page 2 of 2" in _page(client, "/collections/notes/?page=3")
    assert "Searching more than 40 documents" in _page(client, "/")
    few = _page(client, "/collections/notes/?title=Document%2044")
    assert "Pages show" not in few

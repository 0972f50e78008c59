from __future__ import annotations

import dataclasses
import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from retrieval_site.accounts.models import User
from search.models import Collection, Membership
from search.services.tokens import token_create
from search.thumbnails import LONGEST_SIDES_PX, thumbnail_open, thumbnails_store
from tests.support.corpus import make_collection
from tests.support.pages import picture_bytes, save_document
from workers.inference.pictures import open_picture
from workers.storage.sweeping import blob_remove_unused

if TYPE_CHECKING:
    from django.test import Client

    from search.models import Document

pytestmark = pytest.mark.django_db


def _address(document: Document, query: str = "") -> str:
    return f"/images/{document.images.get().blob_id}{query}"


def _bytes(response) -> bytes:
    return b"".join(response.streaming_content)


def test_the_original_comes_as_it_was_stored(client: Client) -> None:
    data = picture_bytes()
    response = client.get(_address(save_document(make_collection(), "a", pictures=[data])))
    assert (response.status_code, _bytes(response)) == (200, data)
    assert response["Content-Type"] == "image/jpeg"


def test_a_width_brings_the_smallest_thumbnail_that_is_large_enough(client: Client) -> None:
    document = save_document(make_collection(), "a", pictures=[picture_bytes(size=(1200, 600))])
    sizes = [
        Image.open(io.BytesIO(_bytes(client.get(_address(document, f"?w={width}"))))).size
        for width in (100, 320, 321, 5000)
    ]
    assert sizes == [(320, 160), (320, 160), (960, 480), (960, 480)]


def test_without_a_thumbnail_the_original_stands_in_under_an_etag_of_its_own(client: Client) -> None:
    data = picture_bytes((1, 2, 3))  # the store outlives a test: a picture of its own
    document = save_document(make_collection(), "a", pictures=[data], thumbnails=False)
    response = client.get(_address(document, "?w=320"))
    assert _bytes(response) == data
    kept = {"If-None-Match": response["ETag"]}
    assert client.get(_address(document, "?w=320"), headers=kept).status_code == 304
    thumbnails_store(document.images.get().blob_id, open_picture(data))
    assert client.get(_address(document, "?w=320"), headers=kept).status_code == 200


@pytest.mark.parametrize("query", ["", "?w=320"])
def test_a_picture_that_became_private_is_not_shown_again_by_a_browser_that_kept_it(
    client: Client, query: str
) -> None:
    collection = make_collection()
    address = _address(save_document(collection, "a", pictures=[picture_bytes()]), query)
    response = client.get(address)
    assert response["Cache-Control"] == "private, no-cache"
    kept = {"If-None-Match": response["ETag"]}
    assert client.get(address, headers=kept).status_code == 304
    Collection.objects.filter(pk=collection.pk).update(visibility="private")
    assert client.get(address, headers=kept).status_code == 404


def test_every_page_says_that_only_its_readers_browser_may_keep_it(client: Client) -> None:
    document = save_document(make_collection("open"), "a", title="A")
    for address in ("/", "/collections/", "/collections/open/", f"/documents/{document.pk}/", "/login/"):
        said = client.get(address)["Cache-Control"]
        assert "private" in said, address
        assert "no-cache" in said, address


def test_a_picture_that_the_browser_has_is_not_sent_again(client: Client) -> None:
    address = _address(save_document(make_collection(), "a", pictures=[picture_bytes()]), "?w=320")
    etag = client.get(address)["ETag"]
    assert client.get(address, headers={"If-None-Match": etag}).status_code == 304


def test_a_picture_can_run_nothing_in_the_browser(client: Client) -> None:
    response = client.get(_address(save_document(make_collection(), "a", pictures=[picture_bytes()])))
    assert "sandbox" in response["Content-Security-Policy"]
    assert response["X-Content-Type-Options"] == "nosniff"


def test_a_private_picture_is_for_members_and_kept_by_their_browser_only(client: Client) -> None:
    private = make_collection("secret", visibility="private")
    address = _address(save_document(private, "a", pictures=[picture_bytes()]), "?w=320")
    assert client.get(address).status_code == 404
    member = User.objects.create_user("member")
    Membership.objects.create(collection=private, user=member)
    client.force_login(member)
    response = client.get(address)
    assert response.status_code == 200
    assert response["Cache-Control"] == "private, no-cache"
    assert "Cookie" in response["Vary"]


def test_a_private_picture_that_the_browser_names_by_its_etag_is_refused_all_the_same(client: Client) -> None:
    document = save_document(make_collection("secret", visibility="private"), "a", pictures=[picture_bytes()])
    etag = f'"{document.images.get().blob_id[:32]}-full"'
    assert client.get(_address(document), headers={"If-None-Match": etag}).status_code == 404


def test_a_blob_that_is_no_picture_is_not_served(client: Client) -> None:
    from workers.storage.blobs import blob_store

    assert client.get(f"/images/{blob_store(b'zip', 'application/zip').pk}").status_code == 404


@pytest.mark.parametrize("name", ["a", "a%00b", "A" * 64, "é", "0" * 65])
def test_a_name_that_no_picture_can_have_is_not_found(client: Client, name: str) -> None:
    assert client.get(f"/images/{name}").status_code == 404


@pytest.fixture
def private_address() -> str:
    private = make_collection("secret", visibility="private")
    Membership.objects.create(collection=private, user=User.objects.create_user("member"))
    User.objects.create_user("stranger")
    return _address(save_document(private, "a", pictures=[picture_bytes()]), "?w=320")


def _by_token(client: Client, address: str, name: str, **more):
    scopes = more.pop("scopes", ["read"])
    _, key = token_create(user=User.objects.get(username=name), name="t", scopes=scopes)
    return client.get(address, headers={"Authorization": f"Bearer {key}", **more})


def test_a_program_fetches_with_its_token_what_its_user_may_see(client: Client, private_address: str) -> None:
    response = _by_token(client, private_address, "member")
    assert (response.status_code, response["Content-Type"]) == (200, "image/jpeg")
    assert response["Cache-Control"] == "private, no-cache"
    assert {"Authorization", "Cookie"} <= set(response["Vary"].split(", "))
    kept = {"If-None-Match": response["ETag"]}
    assert _by_token(client, private_address, "member", **kept).status_code == 304
    assert _by_token(client, private_address, "stranger", **kept).status_code == 404


@pytest.mark.parametrize(
    ("header", "error_id", "status"),
    [("Bearer sl_nobody", "token.invalid", 401), ("Bearer", "token.invalid", 401)],
)
def test_a_wrong_token_is_never_taken_for_nobody(
    client: Client, header: str, error_id: str, status: int
) -> None:
    address = _address(save_document(make_collection(), "a", pictures=[picture_bytes()]))
    response = client.get(address, headers={"Authorization": header})
    assert (response.status_code, response.json()["error"]["id"]) == (status, error_id)


def test_a_token_needs_the_scope_to_read(client: Client, private_address: str) -> None:
    response = _by_token(client, private_address, "member", scopes=["write"])
    assert (response.status_code, response.json()["error"]["id"]) == (403, "scope.missing")


def test_another_scheme_of_the_header_is_a_proxys_and_not_ours(client: Client) -> None:
    address = _address(save_document(make_collection(), "a", pictures=[picture_bytes()]))
    assert client.get(address, headers={"Authorization": "Basic YTpi"}).status_code == 200


def test_where_searching_needs_an_account_a_token_is_one(
    client: Client, private_address: str, settings
) -> None:
    settings.CONFIG = dataclasses.replace(settings.CONFIG, anonymous_search=False)
    assert client.get(private_address).status_code == 302
    assert _by_token(client, private_address, "member").status_code == 200


def test_small_copies_go_with_their_picture() -> None:
    document = save_document(make_collection(), "a", pictures=[picture_bytes((7, 7, 7))])
    sha256 = document.images.get().blob_id
    with thumbnail_open(sha256, 320) as kept:
        assert kept.read(3) == b"\xff\xd8\xff"
    document.delete()
    assert blob_remove_unused(sha256)
    assert [thumbnail_open(sha256, side) for side in LONGEST_SIDES_PX] == [None, None]

"""What the form may hold, and what an earlier query is asked again with; without a worker."""

from __future__ import annotations

import dataclasses
import uuid
from array import array
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile

from retrieval_site.accounts.models import User
from search import retrieval
from search.models import Query, QueryPart
from search.retrieval.types import (
    DocumentPart,
    EmbeddingPart,
    ImagePart,
    Plan,
    SearchAnswer,
    SearchRequest,
    TextPart,
)
from search.views.parts import LESS_WEIGHT, WORDS_WEIGHT
from tests.support.corpus import make_collection, make_version
from tests.support.pages import kept_query, picture_bytes, save_document
from workers.encoding import wire
from workers.storage.blobs import blob_store

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db
QUERY_ID = uuid.uuid4()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[SearchRequest]:
    """The requests that reach the door, which a worker would answer."""
    requests: list[SearchRequest] = []

    def search(request: SearchRequest) -> SearchAnswer:
        requests.append(request)
        return SearchAnswer(QUERY_ID, "text", "m@1", (), None, Plan("exact", 0), {})

    monkeypatch.setattr(retrieval, "search", search)
    return requests


def _photo(data: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile("photo.jpg", picture_bytes() if data is None else data, "image/jpeg")


def test_a_search_leads_to_its_results(client: Client, asked: list[SearchRequest]) -> None:
    response = client.post("/search/", {"text": "  a pump ", "target": "images", "collections": ["a", "b"]})
    assert response["Location"] == f"/q/{QUERY_ID}/"
    request = asked[0]
    assert (request.parts, request.target, request.collections, request.limit) == (
        (TextPart("a pump"),),
        "images",
        ("a", "b"),
        24,
    )


def test_htmx_is_told_where_to_go(client: Client, asked: list[SearchRequest]) -> None:
    response = client.post("/search/", {"text": "a pump"}, headers={"HX-Request": "true"})
    assert response["HX-Redirect"] == f"/q/{QUERY_ID}/"


def test_a_photo_goes_on_as_it_came(client: Client, asked: list[SearchRequest]) -> None:
    data = picture_bytes()
    client.post("/search/", {"image": _photo(data), "text": ""})
    assert (asked[0].parts, asked[0].target, asked[0].limit) == ((ImagePart(data),), "passages", 10)


def test_several_photos_of_one_thing_are_one_search(client: Client, asked: list[SearchRequest]) -> None:
    first, second = picture_bytes("red"), picture_bytes("blue")
    client.post("/search/", {"image": [_photo(first), _photo(second)], "text": ""})
    assert asked[0].parts == (ImagePart(first), ImagePart(second))


def test_an_address_in_the_text_box_is_fetched(
    client: Client, asked: list[SearchRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.services.uploads.picture_fetched", lambda address: address.encode())
    client.post("/search/", {"text": " https://a.example/b.jpg "})
    client.post("/search/", {"text": "see https://a.example/b.jpg"})
    assert asked[0].parts == (ImagePart(b"https://a.example/b.jpg"),)
    assert asked[1].parts == (TextPart("see https://a.example/b.jpg"),)


def test_an_address_is_words_where_nothing_is_fetched(
    client: Client, asked: list[SearchRequest], settings
) -> None:
    settings.CONFIG = dataclasses.replace(settings.CONFIG, picture_urls=False)
    client.post("/search/", {"text": "https://a.example/b.jpg"})
    assert asked[0].parts == (TextPart("https://a.example/b.jpg"),)


def test_a_document_asks_for_more_like_it(client: Client, asked: list[SearchRequest]) -> None:
    client.post("/search/", {"document": "7"})
    assert asked[0].parts == (DocumentPart(7),)


@pytest.mark.parametrize(
    ("form", "error_id"),
    [
        ({}, "query.empty"),
        ({"text": "   "}, "query.empty"),
        ({"text": "x" * 2001}, "text.too_long"),
        ({"document": "1e3"}, "document.not_found"),
        ({"document": "9" * 30}, "document.not_found"),
    ],
)
def test_a_form_that_asks_nothing_is_explained(
    client: Client, asked: list[SearchRequest], form: dict[str, str], error_id: str
) -> None:
    response = client.post("/search/", form)
    assert response.status_code >= 400
    assert error_id in response.content.decode()
    assert asked == []


def test_a_photo_and_words_are_searched_for_together(client: Client, asked: list[SearchRequest]) -> None:
    client.post("/search/", {"image": _photo(), "text": "a pump"})
    photo, words = asked[0].parts
    assert (photo.modality, photo.weight, words) == ("image", 1.0, TextPart("a pump", WORDS_WEIGHT))


def test_a_photo_over_the_limit_is_refused_unread(
    client: Client, asked: list[SearchRequest], settings
) -> None:
    settings.CONFIG = dataclasses.replace(settings.CONFIG, picture_max_bytes=1000)
    response = client.post("/search/", {"image": _photo()}, headers={"HX-Request": "true"})
    assert response.status_code == 413
    page = response.content.decode()
    assert "That photo is too large" in page
    assert "<html" not in page


def test_a_photo_field_without_a_file_counts_as_no_photo(client: Client, asked: list[SearchRequest]) -> None:
    """A browser sends a part without a file's name."""
    lines = [
        *("--b", 'Content-Disposition: form-data; name="text"', "", "a pump"),
        *("--b", 'Content-Disposition: form-data; name="image"; filename=""'),
        *("Content-Type: application/octet-stream", "", "", "--b--", ""),
    ]
    client.post("/search/", "\r\n".join(lines), content_type="multipart/form-data; boundary=b")
    assert asked[0].parts == (TextPart("a pump"),)


def test_an_empty_file_beside_words_is_refused_not_left_out(
    client: Client, asked: list[SearchRequest]
) -> None:
    response = client.post("/search/", {"image": _photo(b""), "text": "a pump"})
    assert (response.status_code, asked) == (400, [])
    assert "image.empty" in response.content.decode()


def test_words_are_asked_again_with_other_choices(client: Client, asked: list[SearchRequest]) -> None:
    query = kept_query([save_document(make_collection(), "a", title="T")], filters={"tags": ["x"]})
    client.post(f"/q/{query.pk}/again/", {"target": "images", "collections": "public"})
    request = asked[0]
    assert (request.parts, request.target, request.collections) == (
        (TextPart("a valve"),),
        "images",
        ("public",),
    )
    assert request.filters == {"tags": ["x"]}


@pytest.fixture
def turned_photo(clean_redis) -> Query:
    """A search with a photo that was turned and cut, without its file."""
    query = kept_query([], modality="image", text="", preview=blob_store(picture_bytes("blue"), "image/jpeg"))
    query.parts.update(turn=90, crop=[0, 0, 0.5, 0.5], digest="d" * 64)
    return query


@pytest.mark.parametrize(
    ("form", "crop", "turn"),
    [
        ({}, (0, 0, 0.5, 0.5), 0),
        ({"crop": ""}, None, 0),
        ({"crop": "0.1,0.2,0.3,0.4", "turn": "180"}, (0.1, 0.2, 0.3, 0.4), 180),
    ],
)
def test_a_part_of_a_photo_is_asked_with_the_kept_copy_which_is_turned_already(
    client: Client, asked: list[SearchRequest], turned_photo: Query, form, crop, turn
) -> None:
    client.post(f"/q/{turned_photo.pk}/again/", form)
    assert asked[0].parts == (ImagePart(picture_bytes("blue"), crop=crop, turn=turn),)


def test_a_part_of_a_photo_is_asked_with_its_file_while_that_is_at_hand(
    client: Client, asked: list[SearchRequest], turned_photo: Query, clean_redis
) -> None:
    clean_redis.set(wire.UPLOAD_PREFIX + "d" * 64, b"the file")
    client.post(f"/q/{turned_photo.pk}/again/", {"crop": "0,0,1,0.5", "turn": "270"})
    assert asked[0].parts == (ImagePart(b"the file", crop=(0, 0, 1, 0.5), turn=0),)


@pytest.mark.parametrize(
    "form", [{"crop": "1,2,3"}, {"crop": "a,b,c,d"}, {"crop": "0,0,2,2"}, {"turn": "45"}]
)
def test_what_is_no_part_and_no_turn_is_refused(
    client: Client, asked: list[SearchRequest], turned_photo: Query, form
) -> None:
    response = client.post(f"/q/{turned_photo.pk}/again/", form)
    assert (response.status_code, asked) == (400, [])
    assert "parameter.invalid" in response.content.decode()


def test_a_photo_is_asked_again_with_its_kept_copy(client: Client, asked: list[SearchRequest]) -> None:
    data = picture_bytes("blue")
    query = kept_query([], modality="image", text="", preview=blob_store(data, "image/jpeg"))
    client.post(f"/q/{query.pk}/again/", {})
    assert asked[0].parts == (ImagePart(data),)


def test_a_document_is_asked_again(client: Client, asked: list[SearchRequest]) -> None:
    document = save_document(make_collection(), "a", title="T")
    query = kept_query([], modality="document", text="", document=document)
    client.post(f"/q/{query.pk}/again/", {})
    assert asked[0].parts == (DocumentPart(document.pk),)


def test_a_vector_is_asked_again_under_its_own_model(client: Client, asked: list[SearchRequest]) -> None:
    version = make_version(dim=2)
    vector = array("f", [0.5, 0.25])
    query = kept_query([], modality="embedding", text="", version=version, embedding=vector.tobytes())
    client.post(f"/q/{query.pk}/again/", {})
    assert (asked[0].parts, asked[0].model) == ((EmbeddingPart((0.5, 0.25)),), version.key)


def test_of_a_document_that_is_gone_one_vector_is_asked_again_and_several_are_not(
    client: Client, asked: list[SearchRequest]
) -> None:
    version = make_version(dim=2)
    for count, status in ((1, 302), (2, 400)):
        vectors = array("f", [0.5, 0.25] * count).tobytes()
        query = kept_query([], modality="document", text="", version=version, embedding=vectors)
        response = client.post(f"/q/{query.pk}/again/", {})
        assert response.status_code == status
    assert "query.not_repeatable" in response.content.decode()
    assert [request.parts for request in asked] == [(EmbeddingPart((0.5, 0.25)),)]


def test_a_query_that_has_lost_what_it_asked_with_says_so(client: Client, asked: list[SearchRequest]) -> None:
    query = kept_query([], modality="image", text="")
    response = client.post(f"/q/{query.pk}/again/", {})
    assert "query.not_repeatable" in response.content.decode()


def test_a_query_that_does_not_exist_cannot_be_asked_again(client: Client) -> None:
    assert client.post(f"/q/{uuid.uuid4()}/again/").status_code == 404


def test_searching_needs_the_forms_own_token(asked: list[SearchRequest]) -> None:
    from django.test import Client as Browser

    response = Browser(enforce_csrf_checks=True).post("/search/", {"text": "a"})
    assert response.status_code == 403
    assert "This page is too old" in response.content.decode()
    assert not Query.objects.exists()


@pytest.mark.parametrize(
    ("address", "form", "status"),
    [
        ("/nothing-here", None, 404),
        ("/documents/999999/", None, 404),
        ("/search/", {}, 400),
        ("/search/", {f"f{n}": "" for n in range(1100)}, 400),
        ("/login/", {"username": "a"}, 403),
        ("/collections/", None, 500),
    ],
)
def test_every_page_that_tells_of_an_error_has_a_box_to_search_with(
    asked: list[SearchRequest], monkeypatch: pytest.MonkeyPatch, address: str, form: Any, status: int
) -> None:
    from django.test import Client as Browser

    browser = Browser(enforce_csrf_checks=True, raise_request_exception=False)
    monkeypatch.setattr("search.views.collections.Collection", None)  # the last page's view breaks
    browser.get("/login/")
    given = {"csrfmiddlewaretoken": browser.cookies["csrftoken"].value} if status == 400 else {}
    answer = browser.get(address) if form is None else browser.post(address, {**given, **form})
    page = answer.content.decode()
    assert answer.status_code == status
    assert 'id="words"' in page
    token = page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    browser.post("/search/", {"csrfmiddlewaretoken": token, "text": "a pump"})
    assert asked[0].parts == (TextPart("a pump"),)


def test_the_example_that_was_pressed_counts_whatever_else_the_form_holds(
    client: Client, asked: list[SearchRequest], monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    path = tmp_path / "pump.jpg"
    path.write_bytes(picture_bytes())
    monkeypatch.setattr("search.views.searching.example_path", {"pump": path}.get)
    client.post("/search/", {"example": "pump", "text": "words of before", "target": "images"})
    assert (asked[0].parts, asked[0].target) == ((ImagePart(picture_bytes()),), "images")


def test_pictures_once_chosen_stay_chosen_until_documents_are(
    client: Client, asked: list[SearchRequest]
) -> None:
    make_version()
    document = save_document(make_collection(), "a", title="T")
    chosen, elsewhere = 'value="images" checked', '<input type="hidden" name="target" value="images">'
    assert chosen not in client.get("/").content.decode()
    client.post("/search/", {"text": "a pump", "target": "images"})
    assert chosen in client.get("/").content.decode()
    page = client.get(f"/documents/{document.pk}/").content.decode()
    assert page.count(elsewhere) == 2  # the form above and “More like this”
    client.post("/search/", {"text": "a pump", "target": "passages"})
    assert chosen not in client.get("/").content.decode()
    assert elsewhere not in client.get(f"/documents/{document.pk}/").content.decode()


def test_a_collections_page_searches_that_collection(client: Client) -> None:
    make_collection("pumps")
    page = client.get("/collections/pumps/").content.decode()
    assert '<input type="hidden" name="collections" value="pumps">' in page
    assert 'placeholder="Search in Pumps"' in page


def test_pictures_are_searched_where_a_collection_has_no_texts(
    client: Client, asked: list[SearchRequest]
) -> None:
    client.post("/search/", {"text": "a pump"})
    assert asked[0].or_pictures


@pytest.mark.parametrize("method", ["get", "head"])
def test_an_address_that_takes_forms_leads_to_the_page_with_the_form(client: Client, method: str) -> None:
    query = kept_query([])
    results = f"/q/{query.pk}/"
    for address, leads in (
        ("/search/", "/"),
        ("/logout/", "/"),
        (f"{results}again/", results),
        (f"{results}judge/", results),
    ):
        response = getattr(client, method)(address)
        assert (response.status_code, response["Location"]) == (302, leads)
        assert client.put(address).status_code == 405


def test_opening_the_address_of_signing_out_signs_nobody_out(client: Client) -> None:
    client.force_login(User.objects.create_user("ann"))
    client.get("/logout/")
    assert "sessionid" in client.cookies
    assert client.get("/").context["user"].is_authenticated
    client.post("/logout/")
    assert not client.get("/").context["user"].is_authenticated


def test_opening_the_admins_address_of_signing_out_leads_to_the_admin(admin_client: Client) -> None:
    assert admin_client.get("/admin/logout/")["Location"] == "/admin/"
    assert admin_client.get("/admin/").status_code == 200
    admin_client.post("/admin/logout/")
    assert admin_client.get("/admin/").status_code == 302


@pytest.mark.parametrize("form", [{}, {"text": "x" * 2001}, {"text": "?!."}, {"document": "1"}])
def test_a_search_that_is_refused_begins_no_session(client: Client, form: dict[str, str]) -> None:
    make_version()
    response = client.post("/search/", form)
    assert response.status_code >= 400
    assert not Session.objects.exists()
    assert "sessionid" not in response.cookies


def _composed() -> Query:
    """A search for a valve, not red, of two words' parts."""
    query = kept_query([save_document(make_collection(), "a", title="T")])
    QueryPart.objects.create(query=query, place=1, modality="text", text="red", weight=-0.5)
    return query


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({}, (TextPart("a valve"), TextPart("red", -0.5))),
        ({"part": ["1", "0"], "strength": ["0.3", "0.8"]}, (TextPart("red", -0.3), TextPart("a valve", 0.8))),
        ({"remove": "1"}, (TextPart("a valve"),)),
        ({"flip": "1"}, (TextPart("a valve"), TextPart("red", 0.5))),
        ({"more": "7"}, (TextPart("a valve"), TextPart("red", -0.5), DocumentPart(7, WORDS_WEIGHT))),
        ({"remove": "1", "less": "7"}, (TextPart("a valve"), DocumentPart(7, LESS_WEIGHT))),
        ({"remove": "1", "text": "new", "add": "less"}, (TextPart("a valve"), TextPart("new", LESS_WEIGHT))),
        ({"remove": "1", "text": "new"}, (TextPart("a valve"), TextPart("new", WORDS_WEIGHT))),
    ],
)
def test_the_parts_of_a_search_are_changed_by_its_form(
    client: Client, asked: list[SearchRequest], form: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    client.post(f"/q/{_composed().pk}/again/", form)
    assert asked[0].parts == expected


def test_a_photo_is_added_to_words(client: Client, asked: list[SearchRequest]) -> None:
    client.post(f"/q/{_composed().pk}/again/", {"image": _photo(), "remove": "1"})
    assert [(part.modality, part.weight) for part in asked[0].parts] == [("text", 1.0), ("image", 1.0)]


@pytest.mark.parametrize("strength", ["0", "2", "nan", "much"])
def test_a_weight_that_is_none_is_explained(
    client: Client, asked: list[SearchRequest], strength: str
) -> None:
    form = {"part": ["0", "1"], "strength": ["1", strength]}
    response = client.post(f"/q/{_composed().pk}/again/", form)
    assert "query.weight" in response.content.decode()
    assert asked == []


def test_the_parts_are_shown_as_chips_with_their_weights(client: Client) -> None:
    page = client.get(f"/q/{_composed().pk}/").content.decode()
    assert page.count('class="part less"') == 1
    assert 'name="strength" min="0.1" max="1" step="0.1" value="0.5"' in page
    assert 'name="flip" value="1"' in page

"""A search is deleted by who asked it, with all that was kept of it; and no search engine lists one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.sessions.models import Session
from django.core.files.storage import default_storage
from django.test import Client

from retrieval_site.accounts.models import User
from search import retrieval
from search.models import Judgement, Query
from search.retrieval.types import Plan, SearchAnswer, SearchRequest
from search.services.tokens import token_create
from search.sessions import session_hash
from tests.support.corpus import make_collection
from tests.support.pages import kept_query, picture_bytes, save_document
from workers.models import Blob
from workers.storage.blobs import blob_store

if TYPE_CHECKING:
    from search.models import Document

pytestmark = pytest.mark.django_db


@pytest.fixture
def document() -> Document:
    return save_document(make_collection(), "a", title="A valve", body="A valve.")


@pytest.fixture
def browser(client: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A browser of somebody anonymous who has searched, through the page that keeps who asked."""

    def search(request: SearchRequest) -> SearchAnswer:
        query = kept_query([], session=request.session, text=request.parts[0].text)
        return SearchAnswer(query.pk, "text", "m@1", (), None, Plan("exact", 0), {})

    monkeypatch.setattr(retrieval, "search", search)
    client.post("/search/", {"text": "a leaking pump"})
    return client


def photo_query(document: Document, owner: User, colour: str = "teal") -> Query:
    preview = blob_store(picture_bytes(colour), "image/jpeg")
    return kept_query([document], modality="image", text="", preview=preview, user=owner)


def test_who_asked_without_an_account_is_asked_first_and_then_deletes(browser):
    query = Query.objects.get()
    assert f"/q/{query.pk}/delete/" in browser.get(f"/q/{query.pk}/").content.decode()
    page = browser.get(f"/q/{query.pk}/delete/").content.decode()
    assert "Delete this search?" in page
    assert Query.objects.exists()
    response = browser.post(f"/q/{query.pk}/delete/", follow=True)
    assert "The search is deleted." in response.content.decode()
    assert not Query.objects.exists()
    assert browser.get(f"/q/{query.pk}/").status_code == 404


def test_the_session_is_kept_as_a_hash_only(browser):
    key = Session.objects.get().session_key
    assert Query.objects.get().session == session_hash(key)
    assert key not in session_hash(key)


def test_others_neither_see_the_button_nor_delete(browser):
    query = Query.objects.get()
    other = Client()
    other.post("/search/", {"text": "another"})
    signed_in = Client()
    signed_in.force_login(User.objects.create_user("ben"))
    for stranger in (Client(), other, signed_in):
        assert "/delete/" not in stranger.get(f"/q/{query.pk}/").content.decode()
        for method in ("get", "post"):
            response = getattr(stranger, method)(f"/q/{query.pk}/delete/")
            assert response.status_code == 403
            assert "permission.denied" in response.content.decode()
    assert Query.objects.filter(pk=query.pk).exists()


def test_photo_vector_answer_and_judgements_go_with_it(client, document):
    anna, ben = User.objects.create_user("anna"), User.objects.create_user("ben")
    query = photo_query(document, anna)
    kept = kept_query([document], text="kept")
    for rated, user in ((query, anna), (query, ben), (kept, ben)):
        Judgement.objects.create(query=rated, document=document, user=user, grade=2)
    preview = query.part.preview
    client.force_login(anna)
    page = client.get(f"/q/{query.pk}/delete/").content.decode()
    assert "the 2 judgements of its results" in page
    client.post(f"/q/{query.pk}/delete/")
    assert list(Judgement.objects.values_list("query", flat=True)) == [kept.pk]
    assert not Blob.objects.filter(pk=preview.pk).exists()
    assert not default_storage.exists(preview.storage_name)
    assert client.get(f"/q/{query.pk}/photo").status_code == 404


def test_a_photo_that_another_search_keeps_too_stays(client, document):
    anna, ben = User.objects.create_user("anna"), User.objects.create_user("ben")
    first, second = photo_query(document, anna, "olive"), photo_query(document, ben, "olive")
    client.force_login(anna)
    client.post(f"/q/{first.pk}/delete/")
    assert default_storage.exists(second.part.preview.storage_name)
    assert client.get(f"/q/{second.pk}/photo").status_code == 200


def api(user: User, *scopes: str) -> dict[str, str]:
    _, key = token_create(user=user, name="t", scopes=scopes)
    return {"Authorization": f"Bearer {key}"}


def test_a_program_deletes_its_own_search_with_the_scope_to_write(client, document):
    anna, ben, chief = (User.objects.create_user(name) for name in ("anna", "ben", "chief"))
    query = photo_query(document, anna)
    address = f"/api/v1/search/{query.pk}/"
    tries = [
        (api(anna, "read"), (403, "scope.missing")),
        (api(ben, "write"), (403, "permission.denied")),
        ({}, (401, "auth.required")),
    ]
    for headers, refused in tries:
        response = client.delete(address, headers=headers)
        assert (response.status_code, response.json()["error"]["id"]) == refused
    assert client.delete(address, headers=api(anna, "write")).status_code == 204
    assert client.delete(address, headers=api(anna, "write")).json()["error"]["id"] == "query.not_found"
    User.objects.filter(pk=chief.pk).update(is_superuser=True)
    other = photo_query(document, anna)
    assert client.delete(f"/api/v1/search/{other.pk}/", headers=api(chief, "write")).status_code == 204


def test_a_search_of_a_program_without_a_token_belongs_to_nobody(client):
    query = kept_query([])
    for headers, status in (({}, 401), (api(User.objects.create_user("anna"), "write"), 403)):
        assert client.delete(f"/api/v1/search/{query.pk}/", headers=headers).status_code == status


def test_another_site_cannot_delete_by_a_browsers_session(browser):
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = browser.cookies
    query = Query.objects.get()
    assert strict.delete(f"/api/v1/search/{query.pk}/").json()["error"]["id"] == "csrf.failed"
    assert strict.post(f"/q/{query.pk}/delete/").status_code == 403
    assert Query.objects.exists()


def test_no_search_engine_lists_a_kept_search(browser, document):
    query = Query.objects.get()
    for address in (f"/q/{query.pk}/", f"/q/{query.pk}/delete/", f"/documents/{document.pk}/?q={query.pk}"):
        assert "noindex" in browser.get(address)["X-Robots-Tag"], address
    for address in (f"/q/{query.pk}/", f"/q/{query.pk}/delete/"):
        assert '<meta name="robots" content="noindex' in browser.get(address).content.decode()
    photo = photo_query(document, User.objects.create_user("anna"))
    assert "noindex" in browser.get(f"/q/{photo.pk}/photo")["X-Robots-Tag"]
    assert "X-Robots-Tag" not in browser.get(f"/documents/{document.pk}/")


def test_robots_txt_keeps_crawlers_from_what_is_not_for_them(client):
    response = client.get("/robots.txt")
    assert response["Content-Type"].startswith("text/plain")
    lines = response.content.decode().splitlines()
    for path in ("/admin/", "/api/", "/images/", "/login/", "/search/"):
        assert f"Disallow: {path}" in lines
    assert "Disallow: /q/" not in lines  # a crawler that may not read a page does not see its “noindex”

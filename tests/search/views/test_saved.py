"""The page of somebody's own searches: what it lists, and what can be done there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client

from retrieval_site.accounts.models import User
from search.models import Membership, Query, SavedSearch
from tests.support.corpus import make_collection, picture
from tests.support.pages import kept_query, save_document
from tests.support.queries import make_query
from workers.storage.blobs import blob_store

if TYPE_CHECKING:
    from typing import Any

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann")


@pytest.fixture
def browser(client: Client, ann: User) -> Client:
    client.force_login(ann)
    return client


def text_of(response: Any) -> str:
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_the_page_lists_ones_own_searches_with_photo_words_and_filters(browser, ann) -> None:
    make_collection("pumps")
    preview = blob_store(picture((200, 20, 20)), "image/jpeg")
    photo = make_query(modality="image", preview=preview, user=ann, target="images")
    make_query(
        modality="text", text="a leaking <pump>", user=ann, collections=["pumps"], filters={"tags": ["steel"]}
    )
    make_query(modality="text", text="somebody else's", user=User.objects.create_user("ben"))
    make_query(modality="text", text="nobody's", session="s")

    page = text_of(browser.get("/searches/"))

    assert f'src="/q/{photo.pk}/photo?part=0"' in page
    for shown in ("a leaking &lt;pump&gt;", "Pumps", "with the tag “steel”", "pictures", "documents"):
        assert shown in page
    assert "somebody else" not in page
    assert "nobody&#x27;s" not in page


def test_a_document_that_one_may_no_longer_see_is_not_named(browser, ann) -> None:
    vault = make_collection("vault", visibility="private")
    Membership.objects.create(collection=vault, user=ann, role="reader")
    document = save_document(vault, "s", title="Secret motor")
    make_query(modality="document", document=document, user=ann, collections=["vault"])
    assert "More like a document" in text_of(browser.get("/searches/"))
    Membership.objects.all().delete()
    page = text_of(browser.get("/searches/"))
    assert "Vault" not in page
    assert "Secret" not in page


def test_a_search_is_saved_on_its_page_renamed_and_removed(browser, ann) -> None:
    query = kept_query([save_document(make_collection(), "a", title="A valve")], user=ann)
    assert f'action="/q/{query.pk}/save/"' in text_of(browser.get(f"/q/{query.pk}/"))

    saved_page = text_of(browser.post(f"/q/{query.pk}/save/", {"name": "My valves"}, follow=True))
    assert "Saved as “My valves”." in saved_page
    assert f'action="/q/{query.pk}/save/"' not in saved_page

    saved = SavedSearch.objects.get()
    address = f"/searches/saved/{saved.pk}/"
    assert "Renamed to “Valves”." in text_of(browser.post(address, {"name": "Valves"}, follow=True))
    assert "Valves" in text_of(browser.get("/searches/"))
    assert "no longer saved" in text_of(browser.post(address, {"do": "remove"}, follow=True))
    assert Query.objects.get() == query


def test_others_can_neither_save_nor_change(client, ann) -> None:
    query = kept_query([], user=ann)
    saved = SavedSearch.objects.create(query=query, user=ann, name="Mine")
    client.force_login(User.objects.create_user("ben"))
    assert client.post(f"/q/{query.pk}/save/", {"name": "Taken"}).status_code == 403
    for form in ({"name": "Taken"}, {"do": "remove"}):
        assert client.post(f"/searches/saved/{saved.pk}/", form).status_code == 404
    assert SavedSearch.objects.get().name == "Mine"


def test_without_an_account_there_is_no_such_page_and_no_button(client) -> None:
    query = kept_query([save_document(make_collection(), "a", title="A valve")])
    page = text_of(client.get(f"/q/{query.pk}/"))
    assert "/save/" not in page
    assert "Your searches" not in page
    for path in ("/searches/", "/searches/clear/"):
        assert client.get(path)["Location"].startswith("/login/?next=/searches/")
    assert client.post(f"/q/{query.pk}/save/", {"name": "x"})["Location"].startswith("/login/")
    assert not SavedSearch.objects.exists()


def test_one_is_deleted_from_the_list_and_leads_back_there(browser, ann) -> None:
    query = make_query(modality="text", text="a pump", user=ann)
    page = text_of(browser.get(f"/q/{query.pk}/delete/?from_searches"))
    assert 'href="/searches/"' in page
    assert browser.post(f"/q/{query.pk}/delete/", {"from_searches": ""})["Location"] == "/searches/"
    assert not Query.objects.exists()


def test_all_are_deleted_after_a_question_that_says_how_many(browser, ann) -> None:
    kept = make_query(modality="text", text="kept", user=ann)
    SavedSearch.objects.create(query=kept, user=ann, name="Kept")
    for _ in range(3):
        make_query(modality="text", text="a pump", user=ann)
    assert "3 searches are deleted" in text_of(browser.get("/searches/clear/"))
    assert Query.objects.count() == 4
    assert "Your searches are deleted." in text_of(browser.post("/searches/clear/", follow=True))
    assert Query.objects.get() == kept


def test_the_page_costs_as_much_with_one_search_as_with_twenty(
    browser, ann, django_assert_max_num_queries
) -> None:
    document = save_document(make_collection(), "a", title="A valve")
    for number in range(10):
        make_query(modality="document", document=document, user=ann, collections=["public"])
        saved = make_query(modality="text", text=f"words {number}", user=ann)
        SavedSearch.objects.create(query=saved, user=ann, name=f"Name {number}")
    with django_assert_max_num_queries(14):
        browser.get("/searches/")

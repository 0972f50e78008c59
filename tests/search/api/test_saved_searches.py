"""One's own searches by the API: listed, saved, renamed, removed, deleted; nobody else's ever."""

from __future__ import annotations

import pytest

from search.models import Query, SavedSearch, SearchFinding
from tests.search.api.conftest import World, error_id
from tests.support.queries import make_query

SAVED = "/api/v1/searches/saved/"


@pytest.fixture
def mine(world: World) -> Query:
    return make_query(
        modality="text", text="a leaking pump", user=world.users["reader"], collections=["open"]
    )


def test_a_search_is_listed_saved_renamed_and_removed(world, mine):
    client = world.client("reader")
    (listed,) = client.get("/api/v1/searches/").json()["results"]
    assert (listed["id"], listed["saved"], listed["collections"]) == (str(mine.pk), None, ["open"])
    assert listed["parts"] == [
        {
            "modality": "text",
            "weight": 1.0,
            "text": "a leaking pump",
            "document": None,
            "crop": None,
            "turn": 0,
            "photo": None,
        }
    ]

    created = client.post(SAVED, {"query": str(mine.pk), "name": "Pumps"})
    again = client.post(SAVED, {"query": str(mine.pk), "name": "Leaking pumps"})
    assert (created.status_code, again.status_code) == (201, 200)
    saved = created.json()["id"]
    assert client.get("/api/v1/searches/").json()["results"][0]["saved"] == saved

    assert client.patch(f"{SAVED}{saved}/", {"name": "Mine"}).json()["name"] == "Mine"
    assert client.get(f"{SAVED}{saved}/").json()["search"]["id"] == str(mine.pk)
    assert client.delete(f"{SAVED}{saved}/").status_code == 204
    assert client.get(SAVED).json()["results"] == []
    assert Query.objects.filter(pk=mine.pk).exists()


def test_what_one_person_asks_is_nobody_elses(world, mine):
    saved = SavedSearch.objects.create(query=mine, user=world.users["reader"], name="Secret thing")
    for who in ("stranger", "curator", "root"):
        client = world.client(who)
        assert client.get("/api/v1/searches/").json()["results"] == []
        assert client.get(SAVED).json()["results"] == []
        assert error_id(client.post(SAVED, {"query": str(mine.pk), "name": "x"})) == "permission.denied"
        for method, body in (("get", None), ("patch", {"name": "x"}), ("delete", None)):
            refused = getattr(client, method)(f"{SAVED}{saved.pk}/", body)
            missing = getattr(client, method)(f"{SAVED}{10**9}/", body)
            assert (refused.status_code, refused.json()) == (missing.status_code, missing.json())
            assert error_id(refused) == "saved_search.not_found"
        assert client.delete("/api/v1/searches/").status_code == 204
    assert SavedSearch.objects.get().name == "Secret thing"


def test_a_document_that_one_may_no_longer_see_is_null(world):
    make_query(modality="document", document=world.secret_document, user=world.users["reader"])
    client = world.client("reader")

    def document() -> int | None:
        return client.get("/api/v1/searches/").json()["results"][0]["parts"][0]["document"]

    assert document() == world.secret_document.pk
    world.secret.members.clear()
    assert document() is None


def test_nobody_in_particular_has_searches(world):
    client = world.client("anonymous")
    for method, path in (("get", "/api/v1/searches/"), ("delete", "/api/v1/searches/"), ("post", SAVED)):
        response = getattr(client, method)(path)
        assert (response.status_code, error_id(response)) == (401, "auth.required")


def test_saving_and_deleting_need_a_token_that_writes(world, mine):
    client = world.client("reader", "read")
    for method, path in (("post", SAVED), ("delete", "/api/v1/searches/")):
        response = getattr(client, method)(path, {"query": str(mine.pk), "name": "x"})
        assert (response.status_code, error_id(response)) == (403, "scope.missing")
    assert client.get("/api/v1/searches/").status_code == 200


def test_a_search_that_is_not_there_is_not_saved(world):
    client = world.client("reader")
    values = {"query": "3f9c0000-0000-4000-8000-000000000000", "name": "x"}
    assert error_id(client.post(SAVED, values)) == "query.not_found"
    assert error_id(client.post(SAVED, {**values, "name": ""})) == "parameter.invalid"


def test_all_that_is_not_saved_is_deleted_at_once(world, mine):
    make_query(modality="text", text="another", user=world.users["reader"])
    client = world.client("reader")
    client.post(SAVED, {"query": str(mine.pk), "name": "Kept"})
    assert client.delete("/api/v1/searches/").status_code == 204
    assert [row["id"] for row in client.get("/api/v1/searches/").json()["results"]] == [str(mine.pk)]


def test_new_documents_are_asked_for_and_listed_as_far_as_one_may_see_them(world, mine):
    client = world.client("reader")
    saved = client.post(SAVED, {"query": str(mine.pk), "name": "Pumps"}).json()
    assert (saved["alerts"], saved["new"]) == ("off", 0)
    row = SavedSearch.objects.get()
    for document in (world.open_document, world.secret_document):
        SearchFinding.objects.create(saved=row, document=document)
    answer = client.patch(f"{SAVED}{row.pk}/", {"alerts": "page"}).json()
    assert (answer["alerts"], answer["name"]) == ("page", "Pumps")
    assert client.get(f"{SAVED}{row.pk}/").json()["new"] == 2
    world.secret.members.clear()
    (found,) = client.get(f"{SAVED}{row.pk}/new/").json()["results"]
    assert (found["document"]["external_id"], found["seen"]) == ("open-1", False)
    assert client.get(SAVED).json()["results"][0]["new"] == 1
    assert error_id(client.patch(f"{SAVED}{row.pk}/", {"alerts": "mail"})) == "alerts.no_mail"
    assert error_id(world.client("stranger").get(f"{SAVED}{row.pk}/new/")) == "saved_search.not_found"

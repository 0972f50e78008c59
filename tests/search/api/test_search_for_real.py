"""Searching over HTTP through the real door and real vectors: permissions, pages, filters, and the kept answer."""

from __future__ import annotations

import numpy as np
import pytest

from search.models import Collection, Document, Membership, Passage, Query
from tests.search.api.conftest import error_id, make_users
from tests.search.api.test_schema import assert_described
from tests.support.corpus import make_documents, make_version, store

SEARCH = "/api/v1/search/"
PUBLIC, SECRET, DIM = 30, 10, 8
OUTSIDERS, MEMBERS = ("anonymous", "stranger", "staff"), ("reader", "curator", "root")


@pytest.fixture
def corpus(db):
    """Forty documents on a quarter circle; the ten secret ones are the closest to where everybody searches."""
    users = make_users()
    opened = Collection.objects.create(slug="open", name="Open", visibility="public")
    secret = Collection.objects.create(slug="secret", name="Secret", visibility="private")
    for role in ("reader", "curator"):
        Membership.objects.create(collection=secret, user=users[role], role=role)
    version = make_version("small", dim=DIM)
    passages = make_documents(secret, SECRET, tags=["secret"]) + make_documents(opened, PUBLIC, tags=["open"])
    angles = np.linspace(0, np.pi / 2, len(passages))
    vectors = np.zeros((len(passages), DIM), dtype=np.float32)
    vectors[:, 0], vectors[:, 1] = np.cos(angles), np.sin(angles)
    store(version, passages, vectors)
    return users


@pytest.fixture
def client_of(corpus):
    from rest_framework.test import APIClient

    from search.services.tokens import token_create

    def client(who: str) -> APIClient:
        made = APIClient()
        if who != "anonymous":
            _, key = token_create(user=corpus[who], name="t", scopes=["read"])
            made.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
        return made

    return client


def asked(**more):
    return {"embedding": [1.0] + [0.0] * (DIM - 1), "model": "small@1"} | more


def found(answer) -> list[str]:
    return [hit["document"]["external_id"] for hit in answer["results"]]


SECRET_IDS = {f"d{number}" for number in range(SECRET)}


@pytest.mark.parametrize("who", OUTSIDERS)
def test_outsiders_find_as_many_as_they_ask_for_and_nothing_secret(who, client_of):
    response = client_of(who).post(SEARCH, asked(limit=20))
    assert found(response.json()) == [f"d{number}" for number in range(SECRET, SECRET + 20)]
    assert "secret" not in response.content.decode()
    assert_described(response, SEARCH, "post")


@pytest.mark.parametrize("who", MEMBERS)
def test_members_find_the_secret_documents_first(who, client_of):
    answer = client_of(who).post(SEARCH, asked(limit=10)).json()
    assert found(answer) == [f"d{number}" for number in range(SECRET)]
    assert [hit["rank"] for hit in answer["results"]] == list(range(1, 11))
    assert answer["results"][0]["score"] == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("who", OUTSIDERS)
def test_naming_what_is_secret_answers_as_naming_what_is_missing(who, client_of):
    client, secret = client_of(who), Document.objects.filter(collection__slug="secret").first()
    for hidden, missing in (
        (asked(collections=["secret"]), asked(collections=["absent"])),
        ({"document": secret.pk}, {"document": 10**9}),
    ):
        first, second = client.post(SEARCH, hidden), client.post(SEARCH, missing)
        assert first.status_code == second.status_code == 404
        assert error_id(first) == error_id(second)
        assert first.content.replace(b"secret", b"absent") == second.content
    assert client.post(SEARCH, asked(filters={"tags": ["secret"]})).json()["results"] == []


def test_pages_lead_through_everything_once_without_searching_again(client_of):
    client, seen = client_of("stranger"), []
    answer = client.post(SEARCH, asked(limit=12)).json()
    while True:
        seen += found(answer)
        if answer["next"] is None:
            break
        answer = client.post(SEARCH, {"next": answer["next"], "limit": 12}).json()
    assert seen == [f"d{number}" for number in range(SECRET, SECRET + PUBLIC)]
    assert Query.objects.count() == 1


def test_a_cursor_that_was_not_given_out_is_refused(client_of):
    response = client_of("stranger").post(SEARCH, {"next": "made up"})
    assert (response.status_code, error_id(response)) == (400, "cursor.invalid")


@pytest.mark.parametrize("who", OUTSIDERS)
def test_a_members_kept_answer_shows_others_only_what_they_may_see(who, client_of):
    query = client_of("reader").post(SEARCH, asked(limit=20)).json()["query"]["id"]
    again = client_of("reader").get(f"{SEARCH}{query}/", {"limit": 20}).json()
    assert set(found(again)) >= SECRET_IDS
    shared = client_of(who).get(f"{SEARCH}{query}/", {"limit": 100})
    assert not SECRET_IDS & set(found(shared.json()))
    assert "secret" not in shared.content.decode()
    assert_described(shared, SEARCH + "{query_id}/", "get")


def test_a_reader_who_is_no_longer_one_loses_the_documents_of_kept_answers(client_of):
    client = client_of("reader")
    answer = client.post(SEARCH, asked(limit=5)).json()
    Membership.objects.filter(user__username="reader").delete()
    for later in (
        client.get(f"{SEARCH}{answer['query']['id']}/").json(),
        client.post(SEARCH, {"next": answer["next"]}).json(),
    ):
        assert not SECRET_IDS & set(found(later))


def test_a_query_that_does_not_exist_is_not_found(client_of):
    response = client_of("stranger").get(f"{SEARCH}00000000-0000-4000-8000-000000000000/")
    assert (response.status_code, error_id(response)) == (404, "query.not_found")


def test_more_like_this_leaves_the_document_itself_out(client_of):
    passage = Passage.objects.filter(document__external_id="d20").get()
    answer = client_of("stranger").post(SEARCH, {"document": passage.document_id, "limit": 2}).json()
    assert answer["query"]["modality"] == "document"
    assert set(found(answer)) == {"d19", "d21"}


def test_a_vector_of_another_length_is_refused_with_both_lengths(client_of):
    response = client_of("stranger").post(SEARCH, {"embedding": [1.0], "model": "small@1"})
    assert (response.status_code, error_id(response)) == (400, "embedding.dimension")
    assert response.json()["error"]["detail"] == {"model": "small@1", "expected": DIM, "found": 1}


def test_a_judgement_of_a_hit_can_be_made_with_what_the_answer_says(client_of, corpus):
    from rest_framework.test import APIClient

    from search.services.tokens import token_create

    client = APIClient()
    _, key = token_create(user=corpus["stranger"], name="t", scopes=["read", "write"])
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    answer = client.post(SEARCH, asked(limit=1)).json()
    body = {"query": answer["query"]["id"], "document": answer["results"][0]["document"]["id"], "grade": 3}
    assert client.post("/api/v1/judgements/", body).status_code == 201

"""Moving a search by one's judgements over HTTP."""

from __future__ import annotations

import uuid

import numpy as np
import pytest
from rest_framework.test import APIClient

from search.models import Query
from search.services.tokens import token_create
from search.vectors.background import backgrounds_forget
from tests.search.api.conftest import error_id
from tests.support.corpus import make_collection, make_documents, make_version, store, unit_rows

pytestmark = pytest.mark.django_db
DIM = 16
NOTHING = np.zeros(DIM, dtype=np.float32)
A, B = np.eye(DIM, dtype=np.float32)[:2]


@pytest.fixture
def documents():
    backgrounds_forget()
    rows = make_documents(make_collection(), 42)
    draw = np.random.default_rng(2).normal(size=(42, DIM)) * 0.05
    store(make_version(dim=DIM), rows, unit_rows(draw + np.repeat([A, B, NOTHING], [6, 6, 30], axis=0)))
    return [row.document_id for row in rows[:12]]


@pytest.fixture
def client(django_user_model):
    _, key = token_create(
        user=django_user_model.objects.create_user("anna"), name="test", scopes=("read", "write")
    )
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client


@pytest.fixture
def query(client, documents):
    asked = {"embedding": [float(number) for number in A + 0.9 * B], "model": "fake@1"}
    return client.post("/api/v1/search/", asked).json()["query"]["id"]


def judge(client, query, document, grade):
    body = {"query": query, "document": document, "grade": grade}
    return client.post("/api/v1/judgements/", body)


def test_judgements_move_a_search(client, query, documents):
    judge(client, query, documents[6], 3)
    judge(client, query, documents[0], 0)
    answer = client.post(f"/api/v1/search/{query}/marks/", {"limit": 6}).json()
    assert {hit["document"]["id"] for hit in answer["results"]} == set(documents[6:])
    assert answer["query"]["marks"] == {"query": query, "relevant": 1, "not_relevant": 1}
    kept = client.get(f"/api/v1/search/{answer['query']['id']}/").json()
    assert kept["query"]["marks"] == answer["query"]["marks"]
    assert client.get(f"/api/v1/search/{query}/").json()["query"]["marks"] is None


def test_a_judgement_of_a_moved_search_is_one_of_the_search_itself(client, query, documents):
    judge(client, query, documents[6], 2)
    moved = client.post(f"/api/v1/search/{query}/marks/", {}).json()["query"]["id"]
    again = judge(client, moved, documents[6], 3)
    assert (again.status_code, again.json()["query"]) == (200, query)


def test_without_marks_there_is_nothing_to_move_by(client, query):
    refused = client.post(f"/api/v1/search/{query}/marks/", {})
    assert (refused.status_code, error_id(refused)) == (400, "marks.none")
    missing = client.post(f"/api/v1/search/{uuid.uuid4()}/marks/", {})
    assert (missing.status_code, error_id(missing)) == (404, "query.not_found")


def test_marks_are_ones_own(client, query, documents):
    judge(client, query, documents[6], 2)
    assert error_id(APIClient().post(f"/api/v1/search/{query}/marks/", {})) == "auth.required"


def test_marks_move_a_search_with_a_least_relevance_which_is_not_known_then(client, query, documents):
    Query.objects.filter(pk=query).update(min_relevance=0.5)
    judge(client, query, documents[6], 3)
    moved = client.post(f"/api/v1/search/{query}/marks/", {})
    assert moved.status_code == 200
    assert [warning["id"] for warning in moved.json()["warnings"]] == ["marks.min_relevance"]
    assert Query.objects.get(pk=moved.json()["query"]["id"]).min_relevance is None

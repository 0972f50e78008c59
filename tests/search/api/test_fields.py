"""Filters, facets, sorting and fields over HTTP, with real vectors."""

from __future__ import annotations

import json

import pytest
from rest_framework.test import APIClient

from search.services.fields import fields_count
from tests.search.api.conftest import error_id
from tests.search.api.test_schema import assert_described
from tests.support.corpus import clustered, make_collection, make_documents, make_version, store

SEARCH, FIELDS, VALUES = "/api/v1/search/", "/api/v1/fields/", "/api/v1/fields/values/"
DIM = 8


@pytest.fixture
def client(db) -> APIClient:
    """Twelve pumps of two makers, made from 1990 to 1995."""
    version, collection = make_version("small", dim=DIM), make_collection("pumps")
    passages = []
    for n in range(12):
        metadata = {"maker": ("Wilo", "Lowara")[n % 2], "year": 1990 + n % 6, "seen": f"2026-01-{n + 1:02}"}
        passages += make_documents(collection, 1, metadata=metadata, tags=["pump"])
    store(version, passages, clustered(12, DIM, seed=1))
    return APIClient()


def ask(client: APIClient, **more):
    body = {"embedding": [1.0] + [0.0] * (DIM - 1), "model": "small@1", "limit": 50} | more
    return client.post(SEARCH, body, format="json")


def metadata(response, key):
    return [hit["document"]["metadata"][key] for hit in response.json()["results"]]


def test_any_of_several_values_and_ranges_narrow_a_search(client) -> None:
    years = ask(client, filters={"metadata": {"year": {"gte": 1993, "lt": 1995}}})
    assert sorted(metadata(years, "year")) == [1993, 1993, 1994, 1994]
    both = {"maker": {"any": ["Wilo", "KSB"]}, "seen": {"gt": "2026-01-03", "lte": "2026-01-07"}}
    assert sorted(metadata(ask(client, filters={"metadata": both}), "seen")) == ["2026-01-05", "2026-01-07"]
    assert len(metadata(ask(client, filters={"tags": {"any": ["pump", "gear"]}}), "year")) == 12
    assert metadata(ask(client, filters={"created_at": {"lt": "2020-01-01"}}), "year") == []
    assert metadata(ask(client, filters={"has_images": True}), "year") == []
    assert len(metadata(ask(client, filters={"has_images": False}), "year")) == 12


def test_facets_come_with_the_answer_as_the_schema_says(client) -> None:
    filters = {"metadata": {"maker": "Wilo"}}
    response = ask(
        client, filters=filters, facets=["metadata.maker", "metadata.year", "created_at", "collection"]
    )
    assert_described(response, SEARCH, "post")
    maker, year, created, collection = response.json()["facets"]
    assert maker["values"] == [{"value": "Lowara", "documents": 6}, {"value": "Wilo", "documents": 6}]
    assert (year["type"], year["least"], year["greatest"]) == ("number", 1990, 1994)
    assert created["greatest"].startswith("20")
    assert collection["values"] == [{"value": "pumps", "documents": 6}]
    assert ask(client).json()["facets"] is None


def test_a_form_takes_facets_and_sort_too(client) -> None:
    form = {
        "embedding": json.dumps([1.0] + [0.0] * 7),
        "model": "small@1",
        "facets": ["tags"],
        "sort": "-metadata.seen",
    }
    response = client.post(SEARCH, form, format="multipart")
    assert response.json()["facets"][0]["values"] == [{"value": "pump", "documents": 12}]
    assert metadata(response, "seen")[0] == "2026-01-12"


def test_hits_can_be_sorted_by_a_field(client) -> None:
    assert metadata(ask(client, sort="-metadata.seen"), "seen") == [
        f"2026-01-{n:02}" for n in range(12, 0, -1)
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"sort": "year"},
        {"facets": ["year"]},
        {"facets": ["tags"] * 21},
        {"filters": {"metadata": {"a": {"any": []}}}},
    ],
)
def test_what_cannot_be_asked_is_refused(client, body) -> None:
    response = ask(client, **body)
    assert (response.status_code, error_id(response)) == (400, "parameter.invalid")


def test_the_fields_are_listed_with_their_types_and_counts(client) -> None:
    fields_count()
    response = client.get(FIELDS)
    assert_described(response, FIELDS, "get")
    assert response.json()["results"] == [
        {"name": "metadata.maker", "type": "string", "documents": 12, "distinct_values": 2},
        {"name": "metadata.seen", "type": "date", "documents": 12, "distinct_values": 12},
        {"name": "metadata.year", "type": "number", "documents": 12, "distinct_values": 6},
        {"name": "tags", "type": "string", "documents": 12, "distinct_values": 1},
    ]
    assert client.get(FIELDS, {"collections": "missing"}).status_code == 404


def test_values_are_found_by_typing(client) -> None:
    response = client.get(VALUES, {"field": "metadata.maker", "q": "ow"})
    assert_described(response, VALUES, "get")
    assert response.json()["values"] == [{"value": "Lowara", "documents": 6}]
    assert len(client.get(VALUES, {"field": "metadata.seen", "limit": 5}).json()["values"]) == 5
    assert client.get(VALUES).status_code == 400

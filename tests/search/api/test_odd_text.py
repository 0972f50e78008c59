"""NUL characters, halves of surrogate pairs, endless texts, at every endpoint and page: refused with an id, no 500."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.search.api.conftest import error_id

pytestmark = pytest.mark.slow

ODD = [
    "\x00",
    "a\x00b",
    "\ud800",
    "\udfff\ud800",
    "x" * 100_000,
    "9" * 5000,
    "-1",
    "1e999",
    "\u202e\u0301" * 500,
]
FIELDS = [
    "text", "title", "body", "url", "tags", "metadata", "external_id", "collection", "collections", "filters", "model",
    "next", "embedding", "document", "query", "comment", "grade", "name", "slug", "description", "visibility",
    "readers", "curators", "target", "limit", "index", "alias", "note", "mode", "per", "format",
]  # fmt: skip


def api_addresses() -> list[str]:
    """Every address of the API, with something that may exist in it."""
    found: list[str] = []

    def walk(resolver: URLResolver, prefix: str) -> None:
        for pattern in resolver.url_patterns:
            route = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                walk(pattern, route)
            elif isinstance(pattern, URLPattern) and "docs" not in route and "schema" not in route:
                found.append("/" + route)

    walk(get_resolver(), "")
    return [address for address in found if address.startswith("/api/v1/")]


def filled(address: str, world) -> str:
    values = {
        "<int:document_id>": str(world.open_document.pk),
        "<uuid:job_id>": str(world.job.pk),
        "<uuid:query_id>": str(world.query.pk),
        "<slug:slug>": "open",
    }
    for name, value in values.items():
        address = address.replace(name, value)
    return address


def refused_or_fine(response) -> None:
    assert response.status_code < 500 or response.json()["error"]["id"] != "server.error", response.content[
        :300
    ]
    if response.status_code >= 400:
        error_id(response)


@pytest.fixture(scope="module")
def odd_bodies() -> list[bytes]:
    """Every odd text in every field, as it is, in a list, as a key, and in tags and metadata."""
    shapes = [
        shape
        for value in ODD
        for shape in (value, [value], {value: value}, {"tags": [value], "metadata": {value: [value]}})
    ]
    return [json.dumps(dict.fromkeys(FIELDS, shape)).encode() for shape in shapes]


@pytest.mark.parametrize("address", api_addresses())
def test_odd_text_in_a_body_is_refused_with_an_id(address, world, odd_bodies):
    client = world.client("root")
    client.raise_request_exception = True
    path = filled(address, world)
    for method in ("POST", "PATCH", "PUT"):
        for body in odd_bodies:
            response = client.generic(method, path, body, content_type="application/json")
            refused_or_fine(response)
            if response.status_code == 405:  # whatever it says
                break


@pytest.mark.parametrize(
    ("address", "method", "good"),
    [
        ("documents/", "POST", {"collection": "open", "external_id": "n", "title": "t", "body": "", "url": "",
                                "tags": [], "metadata": {}, "images": []}),
        ("search/", "POST", {"document": 1, "collections": [], "filters": {}, "target": "passages", "mode": "dense",
                             "model": "champion", "limit": 1, "next": ""}),
        ("search/", "POST", {"text": "pump"}),
        ("search/", "POST", {"embedding": [1.0], "model": "small@1"}),
        ("embeddings/", "POST", {"text": "pump", "model": "champion"}),
        ("judgements/", "POST", {"query": "x", "document": 1, "grade": 3, "comment": ""}),
        ("collections/", "POST", {"slug": "new", "name": "New", "description": "", "visibility": "private"}),
        ("collections/open/", "PATCH", {"name": "New", "readers": [], "curators": []}),
    ],
)  # fmt: skip
def test_odd_text_in_one_field_of_a_good_body_is_refused_with_an_id(address, method, good, world):
    client = world.client("root")
    for field in good:
        for value in ODD:
            for shape in (value, [value], {"a": value}):
                body = json.dumps({**good, field: shape})
                refused_or_fine(
                    client.generic(method, f"/api/v1/{address}", body, content_type="application/json")
                )


@pytest.mark.parametrize("address", api_addresses())
def test_odd_text_in_a_query_string_is_refused_with_an_id(address, world):
    client = world.client("root")
    for value in ("%00", "%ed%a0%80", "%ff", "9" * 5000, "x" * 3000, "-1", "1e999"):
        for name in (
            "limit",
            "cursor",
            "collection",
            "tag",
            "external_id",
            "state",
            "type",
            "name",
            "next",
            "%00",
        ):
            response = client.get(f"{filled(address, world)}?{name}={value}")
            refused_or_fine(response)
            if response.status_code == 405:
                return


@pytest.mark.parametrize("part", ["%00", "a%00b", "%ed%a0%80", "%ff%fe", "9" * 400, "x" * 3000])
def test_odd_text_in_an_address_is_not_found(part, world):
    client = world.client("root")
    for address in ("documents", "collections", "models", "jobs", "searches", "search", "judgements"):
        response = client.get(f"/api/v1/{address}/{part}/")
        assert response.status_code in (400, 404, 405)


@pytest.mark.parametrize("value", ["\x00", "a\x00b", "x" * 100_000, "9" * 5000, "-1", "\u202e\u0301" * 500])
def test_odd_text_on_the_pages_is_no_server_error(value, world):
    client = Client(raise_request_exception=True)
    client.force_login(world.users["root"])
    pages = [
        reverse("search:home"),
        reverse("search:collections"),
        reverse("search:collection", args=["open"]),
        reverse("search:document", args=[world.open_document.pk]),
        reverse("admin:search_document_changelist"),
        reverse("admin:search_collection_changelist"),
        reverse("admin:workers_job_changelist"),
        reverse("admin:models_admin_modelversion_changelist"),
        "/login/",
    ]
    for page in pages:
        for name in ("q", "title", "page", "p", "o", "text", "next", "collection__id__exact", "all", "e"):
            assert client.get(page, {name: value[:3000]}).status_code < 500
    assert Client().post("/login/", {"username": value, "password": value}).status_code < 500
    judge = reverse("search:judge", args=[world.query.pk])
    for address in (reverse("search:search"), judge):
        fields = (
            "text",
            "collection",
            "document",
            "grade",
            "comment",
            "back",
            "next",
            "target",
            "tag",
            "filters",
        )
        assert client.post(address, dict.fromkeys(fields, value)).status_code < 500

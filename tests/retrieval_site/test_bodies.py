"""The rules of bodies hold under any server, for they are Django's too; every view that takes files has one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from retrieval_site.bodies import PENDING, SMALL, PendingBody, rule_of, rule_of_path
from search.api.bodies import BUNDLE, DOCUMENT, IMPORT, ONE_PICTURE, UPLOAD_PIECE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client

    from retrieval_site.accounts.models import User

FORM = "multipart/form-data; boundary=x"


def patterns(resolver: URLResolver) -> Iterator[URLPattern]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from patterns(pattern)
        elif isinstance(pattern, URLPattern):
            yield pattern


def test_every_endpoint_that_takes_files_has_a_rule_and_no_other() -> None:
    api = [p for p in patterns(get_resolver()) if hasattr(getattr(p.callback, "cls", None), "takes_files")]
    assert len(api) > 20
    for pattern in api:
        takes_files = pattern.callback.cls.takes_files or pattern.name == "upload"  # a piece of one, plain
        assert (rule_of(pattern.callback) is not SMALL) == takes_files, pattern


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("/api/v1/search/", ONE_PICTURE),
        ("/api/v1/embeddings/", ONE_PICTURE),
        ("/api/v1/documents/", DOCUMENT),
        ("/api/v1/documents/7/", DOCUMENT),
        ("/api/v1/documents/import/", IMPORT),
        ("/api/v1/models/", BUNDLE),
        ("/api/v1/uploads/1a1b1c91-8cee-4faf-a5eb-84a9bb3962fc/", UPLOAD_PIECE),
        ("/login/", SMALL),
        ("/admin/login/", SMALL),
        ("/nowhere/", SMALL),
        ("/search/\x00", SMALL),
    ],
)
def test_an_address_has_the_rule_of_its_view(path: str, rule: object) -> None:
    assert rule_of_path(path) is rule


@pytest.mark.parametrize(
    "name",
    [
        "admin:models_admin_modelversion_add",
        "admin:search_document_add",
        "admin:search_collection_import",
    ],
)
def test_the_admins_uploads_ask_who_sends_them(name: str) -> None:
    path = reverse(name, args=[1] if name.endswith("import") else [])
    assert rule_of_path(path).asks
    assert rule_of_path(path).max_bytes(FORM) > 100 << 20


def test_only_files_may_be_long_json_is_read_into_memory() -> None:
    assert IMPORT.max_bytes("application/json") == SMALL.max_bytes("application/json") == 1 << 20
    assert DOCUMENT.max_bytes("application/json") == 16 << 20
    assert DOCUMENT.max_bytes("application/x-www-form-urlencoded") == 16 << 20


@pytest.mark.django_db
def test_a_long_body_is_refused_in_the_shape_of_its_asker(client: Client) -> None:
    long = b"x" * ((1 << 20) + 1)
    answer = client.post("/api/v1/judgements/", long, content_type="application/json")
    assert answer.status_code == 413
    assert answer.json()["error"]["id"] == "request.too_large"
    page = client.post("/login/", long, content_type="application/x-www-form-urlencoded")
    assert page.status_code == 413
    assert b"request.too_large" in page.content
    assert b"<html" in page.content


@pytest.mark.django_db
def test_a_waiting_body_is_granted_to_those_who_may_send_it(client: Client, admin_user: User) -> None:
    path = reverse("admin:models_admin_modelversion_add")
    waits = PendingBody()
    refused = client.post(path, content_type=FORM, data=b"", **{PENDING: waits})
    assert (refused.status_code, waits.granted) == (302, False)
    client.force_login(admin_user)
    client.post(path, content_type=FORM, data=b"", **{PENDING: waits})
    assert waits.granted


@pytest.mark.django_db
def test_a_body_that_nobody_held_back_meets_the_same_refusal(client: Client) -> None:
    file = SimpleUploadedFile("a.zip", b"PK")
    answer = client.post("/api/v1/models/", {"bundle": file})
    assert answer.status_code == 401
    assert client.post(reverse("admin:models_admin_modelversion_add"), {"bundle": file}).status_code == 302


@pytest.mark.django_db
def test_closed_searching_asks_who_sends_a_photo(client: Client, settings) -> None:
    from dataclasses import replace

    settings.CONFIG = replace(settings.CONFIG, anonymous_search=False)
    assert rule_of_path("/search/").asks
    assert client.post("/api/v1/search/", {"text": "a pump"}).status_code == 401
    assert client.post("/search/", {"text": "a pump"}).status_code == 302

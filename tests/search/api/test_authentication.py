"""Tokens, scopes, sessions: who is let in, and what the others are told."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from retrieval_site.errors import AppError
from search.models import ApiToken
from search.services.tokens import token_create
from tests.search.api.conftest import error_id

COLLECTIONS, DOCUMENTS = "/api/v1/collections/", "/api/v1/documents/"


def with_key(key: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client


@pytest.fixture
def token(world) -> tuple[ApiToken, str]:
    return token_create(user=world.users["reader"], name="t", scopes=["read"])


def test_only_the_hash_of_a_key_is_kept(token):
    row, key = token
    assert key.startswith("sl_")
    assert len(key) > 40
    assert key not in str(ApiToken.objects.filter(pk=row.pk).values())


def test_a_token_sees_what_its_user_sees(token):
    slugs = [row["slug"] for row in with_key(token[1]).get(COLLECTIONS).json()["results"]]
    assert slugs == ["open", "secret"]


@pytest.mark.parametrize("header", ["Bearer sl_wrong", "Bearer", "Basic dTpw", "Bearer a b", "Bearer sl_é"])
def test_a_wrong_key_is_refused_and_never_taken_for_nobody(header, world):
    response = APIClient().get(COLLECTIONS, HTTP_AUTHORIZATION=header)
    assert response.status_code == 401
    assert error_id(response) == "token.invalid"
    assert response["WWW-Authenticate"] == "Bearer"


def test_an_expired_token_says_so(token):
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    response = with_key(token[1]).get(COLLECTIONS)
    assert (response.status_code, error_id(response)) == (401, "token.expired")


def test_the_token_of_a_user_who_was_switched_off_is_refused(token, world):
    world.users["reader"].is_active = False
    world.users["reader"].save()
    assert error_id(with_key(token[1]).get(COLLECTIONS)) == "token.invalid"


def test_a_token_is_refused_after_it_was_deleted(token):
    token[0].delete()
    assert error_id(with_key(token[1]).get(COLLECTIONS)) == "token.invalid"


def test_reading_does_not_need_the_write_scope_and_writing_does(world):
    reads = world.client("curator", "read")
    assert reads.get(COLLECTIONS).status_code == 200
    response = reads.post(DOCUMENTS, {"collection": "secret", "external_id": "x", "title": "X"})
    assert (response.status_code, error_id(response)) == (403, "scope.missing")


def test_a_token_that_only_writes_cannot_read(world):
    assert error_id(world.client("curator", "write").get(COLLECTIONS)) == "scope.missing"


def test_last_use_is_recorded_at_most_once_a_minute(token, django_assert_num_queries):
    client = with_key(token[1])
    client.get(COLLECTIONS)
    first = ApiToken.objects.get().last_used_at
    assert first is not None
    with django_assert_num_queries(2):  # the token, the collections: no write
        client.get(COLLECTIONS)
    ApiToken.objects.update(last_used_at=first - timedelta(minutes=2))
    client.get(COLLECTIONS)
    assert ApiToken.objects.get().last_used_at > first - timedelta(minutes=1)


def test_nobody_may_read_public_collections_only_while_the_operator_allows_it(world, settings):
    assert APIClient().get(COLLECTIONS).status_code == 200
    settings.CONFIG = replaced(settings.CONFIG, anonymous_search=False)
    response = APIClient().get(COLLECTIONS)
    assert (response.status_code, error_id(response)) == (401, "auth.required")


def test_nobody_may_write(world):
    response = APIClient().post(DOCUMENTS, {"collection": "open", "external_id": "x", "title": "X"})
    assert (response.status_code, error_id(response)) == (401, "auth.required")


def test_the_session_of_the_pages_reads_and_needs_csrf_to_write(world):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(world.users["curator"])
    assert len(browser.get(COLLECTIONS).json()["results"]) == 2
    body = {"collection": "secret", "external_id": "new", "title": "New"}
    response = browser.post(DOCUMENTS, body, content_type="application/json")
    assert (response.status_code, error_id(response)) == (403, "csrf.failed")


@pytest.mark.parametrize(
    ("scopes", "expires"), [([], None), (["admin"], None), (["read"], timezone.now() - timedelta(days=1))]
)
def test_a_token_without_known_scopes_or_future_is_not_made(scopes, expires, world):
    with pytest.raises(AppError, match=r"parameter\.invalid"):
        token_create(user=world.users["reader"], name="t", scopes=scopes, expires_at=expires)


def test_the_command_prints_a_key_that_works(world):
    printed = StringIO()
    call_command(
        "create_token", "curator", "--scope", "write", "--scope", "read", "--days", "7", stdout=printed
    )
    response = with_key(printed.getvalue().strip()).post(
        DOCUMENTS, {"collection": "secret", "external_id": "new", "title": "New"}
    )
    assert response.status_code == 201
    assert ApiToken.objects.get().expires_at - timezone.now() > timedelta(days=6)


@pytest.mark.parametrize("arguments", [["nobody"], ["reader", "--days", "-1"]])
def test_the_command_says_what_is_wrong(arguments, world):
    with pytest.raises(CommandError):
        call_command("create_token", *arguments)


def replaced(config, **changes):
    from dataclasses import replace

    return replace(config, **changes)

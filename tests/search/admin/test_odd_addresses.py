"""Ids, dates and lookups that no row can have: the admin shows a page, and never the database's words."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from retrieval_site.accounts.models import User

pytestmark = pytest.mark.django_db

INTERNAL = re.compile("psycopg|DataError|out of range|invalid input syntax|DETAIL:|Traceback")
LISTS = [
    "search_document",
    "search_collection",
    "search_query",
    "search_judgement",
    "workers_job",
    "models_admin_modelversion",
    "accounts_user",
    "search_apitoken",
]
HUGE = "9" * 30
LOOKUPS = [
    f"id__exact={HUGE}",
    f"collection__id__exact={HUGE}",
    f"document__collection__id__exact={HUGE}",
    "collection__id__exact=NaN",
    "updated_at__gte=99999-01-01",
    "created_at__gte=0000-00-00&created_at__lt=infinity",
    "updated_at__gte=-infinity",
    "date_joined__gte=1e999",
    f"p={HUGE}",
    f"o={HUGE}.-{HUGE}",
    "q=%ed%a0%80",
    "q=%ff%00",
    "state__exact=%ff",
    "metadata__a=NaN",
    "metadata__contains={",
    "tags=abc",
    "scopes=abc",
    'tags__contains=["a"]',
]


@pytest.fixture
def root() -> Client:
    client = Client(raise_request_exception=True)
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.mark.parametrize("name", LISTS)
def test_a_list_asked_for_nonsense_is_no_server_error(name: str, root: Client) -> None:
    for lookup in LOOKUPS:
        answer = root.get(f"{reverse(f'admin:{name}_changelist')}?{lookup}")
        assert answer.status_code < 500
        assert not INTERNAL.search(answer.content.decode(errors="replace")), lookup


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("row", [HUGE, "-1", "NaN", "a%00b", "%ed%a0%80", "1e999", "_00"])
def test_a_row_that_cannot_be_is_not_there(name: str, row: str, root: Client) -> None:
    place = reverse(f"admin:{name}_changelist")
    for page in ("change", "history", "delete"):
        answer = root.get(f"{place}{row}/{page}/")
        assert answer.status_code in (302, 400, 403, 404)
        assert not INTERNAL.search(answer.content.decode(errors="replace"))

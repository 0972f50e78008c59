"""The audit log by the API: for administrators, filtered as on its page, in pages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from retrieval_site.accounts.models import User
from retrieval_site.audit import audit_note
from search.models import AuditEntry
from search.services.tokens import token_create

pytestmark = pytest.mark.django_db
AUDIT = "/api/v1/audit/"


def as_user(user: User | None) -> APIClient:
    client = APIClient()
    if user:
        client.force_authenticate(user)
    return client


@pytest.fixture
def chief() -> User:
    return User.objects.create_superuser("chief")


@pytest.fixture
def noted(chief) -> User:
    """Somebody to whom things were done."""
    ann = User.objects.create_user("ann")
    audit_note("user.created", ann, by=chief)
    audit_note("members.changed", by=chief, collection=7, reader_added=["ann"])
    audit_note("export.made", by=ann, file="audit.csv")
    return ann


def rows(chief: User, query: str = "") -> list[dict]:
    answer = as_user(chief).get(f"{AUDIT}{query}")
    assert answer.status_code == 200, answer.json()
    return answer.json()["results"]


def test_an_entry_is_told_whole_and_the_newest_first(chief, noted):
    last, middle, first = rows(chief)
    assert [row["action"] for row in (first, middle, last)] == [
        "user.created",
        "members.changed",
        "export.made",
    ]
    assert (first["target_type"], first["target_id"], first["target_name"]) == ("user", str(noted.pk), "ann")
    assert (middle["collection_id"], middle["detail"]) == (7, {"reader_added": ["ann"]})
    assert (last["actor"], last["actor_id"], last["via"]) == ("ann", noted.pk, "system")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?action=user.created", 1), ("?actor=chief", 2), ("?actor=chie", 0), ("?q=chie", 2), ("?via=system", 3),
        ("?via=page", 0), ("?collection_id=7", 1), ("?target_type=user&q=ann", 1),
        ("?action=export.made&actor=chief", 0),
    ],
)  # fmt: skip
def test_entries_are_filtered_as_on_the_page(chief, noted, query, found):
    assert len(rows(chief, query)) == found


def test_entries_are_narrowed_by_their_time_and_come_in_pages(chief, noted):
    middle = AuditEntry.objects.order_by("pk")[1].at.isoformat().replace("+00:00", "Z")
    assert len(rows(chief, f"?since={middle}")) == 2
    assert len(rows(chief, f"?until={middle}")) == 1
    later = (timezone.now() + timedelta(1)).isoformat().replace("+00:00", "Z")
    assert rows(chief, f"?since={later}") == []
    page = as_user(chief).get(f"{AUDIT}?limit=2").json()
    assert len(as_user(chief).get(page["next"]).json()["results"]) == 1


@pytest.mark.parametrize(
    "wrong", ["?action=x", "?via=x", "?since=yesterday", "?collection_id=x", "?colour=red", "?limit=0"]
)
def test_what_cannot_be_asked_is_refused(chief, wrong):
    assert as_user(chief).get(f"{AUDIT}{wrong}").status_code == 400


def test_nobody_but_administrators_reads_it(noted, client):
    staff = User.objects.create_user("staff", is_staff=True)
    assert [as_user(who).get(AUDIT).status_code for who in (None, noted, staff)] == [401, 403, 403]
    assert as_user(staff).get(AUDIT).json()["error"]["id"] == "permission.denied"


def test_a_token_of_an_administrator_needs_the_right_to_read(chief):
    for scopes, status in ((["read"], 200), (["write"], 403)):
        _, key = token_create(user=chief, name="siem", scopes=scopes)
        client = APIClient(HTTP_AUTHORIZATION=f"Bearer {key}")
        assert client.get(AUDIT).status_code == status
    assert as_user(chief).post(AUDIT, {}).status_code == 405

"""Announcements: who sees which, until when, and without a statement of their own for each page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from retrieval_site.accounts.models import User
from search.models import Announcement, AuditEntry
from search.services.announcements import SHOWN_MAX, announcements_forget

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def announce(text: str, **more) -> Announcement:
    row = Announcement.objects.create(text=text, **more)
    announcements_forget()
    return row


def as_user(name: str = "ann", **more) -> Client:
    client = Client()
    client.force_login(User.objects.create_user(name, **more))
    return client


def shown(client: Client, address: str = "/collections/") -> str:
    return client.get(address).content.decode()


def test_each_sees_what_is_for_them_while_it_stands(client):
    now = timezone.now()
    for audience in Announcement.Audience.values:
        announce(f"to-{audience}", audience=audience)
    announce("to-come", starts_at=now + HOUR)
    announce("is-over", starts_at=now - 2 * HOUR, ends_at=now - HOUR)
    staff = as_user("boss", is_staff=True)
    for visitor, sees in ((client, ["everyone"]), (as_user(), ["everyone", "signed_in"]),
                          (staff, ["everyone", "signed_in", "staff"])):  # fmt: skip
        page = shown(visitor)
        assert [one for one in Announcement.Audience.values if f"to-{one}" in page] == sees
        assert "to-come" not in page
        assert "is-over" not in page
        api = APIClient()
        api.cookies = visitor.cookies
        rows = api.get("/api/v1/announcements/").json()["results"]
        assert sorted(row["audience"] for row in rows) == sorted(sees)
    assert "to-staff" in shown(staff, "/admin/")


def test_the_text_is_text_and_addresses_are_links(client):
    announce("<script>x</script> see https://status.example/a?b=c", level="outage")
    page = shown(client)
    assert "<script>x" not in page
    assert '<a href="https://status.example/a?b=c" rel="nofollow">' in page
    assert 'aria-label="Announcements"' in page
    assert 'class="visually-hidden">Outage: </span>' in page


def test_who_has_closed_one_does_not_see_it_again(client):
    one, fixed = announce("can-be-closed"), announce("stays", dismissible=False)
    person, other = as_user(), as_user("ben")
    for visitor in (client, person):
        for row in (one, fixed):
            answer = visitor.post(f"/announcements/{row.pk}/close/", {"next": "/collections/"})
            assert answer["Location"] == "/collections/"
        page = shown(visitor)
        assert ("can-be-closed" in page, "stays" in page) == (False, True)
    assert "can-be-closed" in shown(other)
    again = Client()
    again.force_login(User.objects.get(username="ann"))
    assert "can-be-closed" not in shown(again)  # with the account, in any browser
    away = client.post(f"/announcements/{one.pk}/close/", {"next": "https://elsewhere.example/"})
    assert away["Location"] == "/"
    client.cookies["announcements"] = "x.-1." + "9" * 2_000
    assert "can-be-closed" in shown(client)
    assert client.get(f"/announcements/{one.pk}/close/")["Location"] == "/"
    person.post("/announcements/999999/close/", HTTP_HX_REQUEST="true")
    assert User.objects.get(username="ann").closed_announcements == [one.pk, fixed.pk]


def test_what_is_closed_makes_room_for_the_next(client):
    rows = [announce(f"number-{n}-of-many") for n in range(SHOWN_MAX + 1)]
    assert "number-0-of-many" not in shown(client)
    client.post(f"/announcements/{rows[-1].pk}/close/")
    page = shown(client)
    assert [row.text in page for row in rows] == [True] * SHOWN_MAX + [False]


def test_a_database_that_is_away_is_not_asked_by_each_page(client, monkeypatch):
    announce("read-before")
    assert "read-before" in shown(client, "/login/")
    announcements_forget()
    asked = []

    def away(*_args, **_named):
        asked.append(1)
        raise OperationalError("away")

    monkeypatch.setattr(Announcement.objects, "filter", away)
    assert "read-before" not in shown(client, "/login/")
    assert "read-before" in shown(client, "/login/")
    assert len(asked) == 1


def test_pages_ask_for_announcements_once_and_not_each_time(client):
    announcements_forget()

    def asked() -> int:
        with CaptureQueriesContext(connection) as statements:
            shown(client, "/login/")
        return sum("search_announcement" in one["sql"] for one in statements.captured_queries)

    assert [asked(), asked()] == [1, 0]
    announce("one")
    assert [asked(), asked()] == [1, 0]


def test_administrators_write_them_and_it_is_noted():
    chief = Client()
    chief.force_login(User.objects.create_superuser("chief"))
    page = "/admin/search/announcement/add/"
    form = {
        "text": "We move on Sunday",
        "level": "info",
        "audience": "everyone",
        "starts_at_0": "2026-01-02",
        "starts_at_1": "10:00",
        "ends_at_0": "2026-01-01",
        "ends_at_1": "10:00",
    }
    assert "before it begins" in chief.post(page, form).content.decode()
    assert chief.post(page, form | {"ends_at_0": "", "ends_at_1": ""}).status_code == 302
    assert "We move on Sunday" in chief.get("/admin/search/announcement/").content.decode()
    assert AuditEntry.objects.filter(action="announcement.created", actor="chief").count() == 1

"""A new password by mail: for who has one, and no word on who that is."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from django.core import mail
from django.db import DatabaseError
from django.test import Client

from retrieval_site.accounts import views
from retrieval_site.accounts.models import User
from search.models import AuditEntry

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_redis")]
PAGE = "/login/password/"
GOOD = "a brand new pass phrase"


class Inline:
    """Sends at once what the site sends apart from the request."""

    def submit(self, work, *args, **kwargs):
        work(*args, **kwargs)


@pytest.fixture(autouse=True)
def _mail(settings, monkeypatch) -> None:
    settings.CONFIG = replace(settings.CONFIG, email_host="mail.example", site_url="https://find.example")
    monkeypatch.setattr(views, "_mail", Inline())


@pytest.fixture
def anna() -> User:
    return User.objects.create_user("anna", email="anna@x.example", password="old")


def asked(email: str, **more: str):
    return Client(**more).post(PAGE, {"email": email}, follow=True)


def test_the_link_sets_a_password_once_and_signs_nobody_in(anna, client):
    assert "is on its way" in asked("Anna@X.example").content.decode()
    links = re.findall(r"https://find\.example(/login/password/\S+)", mail.outbox[0].body)
    page = client.get(links[0], follow=True)
    form = page.request["PATH_INFO"]
    weak = client.post(form, {"new_password1": "short", "new_password2": "short"})
    assert weak.status_code == 200
    client.post(form, {"new_password1": GOOD, "new_password2": GOOD})
    anna.refresh_from_db()
    assert anna.check_password(GOOD)
    assert "_auth_user_id" not in client.session
    assert AuditEntry.objects.filter(action="user.password_reset", actor="anna").count() == 1
    assert "used already" in Client().get(links[0], follow=True).content.decode()


def test_known_and_unknown_addresses_get_the_same_answer(anna):
    User.objects.create_user("by-provider", email="ben@x.example")  # has no password
    User.objects.create_user("closed", email="closed@x.example", password="x", is_active=False)
    pages = {
        re.sub(r"\w{64}", "", asked(f"{name}@x.example").content.decode())
        for name in ("anna", "ben", "closed", "no")
    }
    assert len(pages) == 1
    assert [message.to for message in mail.outbox] == [["anna@x.example"]]


def test_the_link_leads_to_the_site_whatever_host_was_asked(anna, settings):
    settings.ALLOWED_HOSTS = ["*"]
    Client().post(PAGE, {"email": "anna@x.example"}, headers={"Host": "evil.example"})
    assert "evil" not in mail.outbox[0].body


def test_a_mailbox_and_an_address_get_only_so_many(anna):
    assert [asked("anna@x.example", REMOTE_ADDR=f"10.0.0.{at}").status_code for at in range(4)] == [
        200
    ] * 3 + [429]
    assert len(mail.outbox) == 3
    assert [asked(f"{number}@x.example").status_code for number in range(11)] == [200] * 10 + [429]


def test_without_mail_there_is_no_such_page(settings, client):
    settings.CONFIG = replace(settings.CONFIG, email_host="")
    assert client.get(PAGE).status_code == 404
    assert "password/" not in client.get("/login/").content.decode()


@pytest.mark.parametrize(("language", "subject"), [("de", "Passwort"), ("en", "password")])
def test_the_message_is_in_the_language_of_who_asked(anna, monkeypatch, language, subject):
    with ThreadPoolExecutor(max_workers=1) as pool:  # a thread of its own, as on the site
        monkeypatch.setattr(views, "_mail", pool)
        asked("anna@x.example", HTTP_ACCEPT_LANGUAGE=language)
    assert subject in mail.outbox[0].subject
    assert ("Setzen Sie es hier" in mail.outbox[0].body) is (language == "de")


def test_no_new_password_is_noted_that_was_not_set(anna, client, monkeypatch):
    asked("anna@x.example")
    link = re.findall(r"https://find\.example(/login/password/\S+)", mail.outbox[0].body)[0]
    form = client.get(link, follow=True).request["PATH_INFO"]

    def away(*_: object, **__: object) -> None:
        raise DatabaseError

    monkeypatch.setattr(User, "save", away)
    client.raise_request_exception = False
    assert client.post(form, {"new_password1": GOOD, "new_password2": GOOD}).status_code >= 500
    assert not AuditEntry.objects.filter(action="user.password_reset").exists()

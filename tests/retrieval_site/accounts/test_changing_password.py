"""Changing a password that one knows: for everybody who has one here."""

from __future__ import annotations

import pytest
from django.test import Client

from retrieval_site.accounts.models import User
from search.models import AuditEntry

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_redis")]
PAGE = "/account/password/"
OLD, GOOD = "an old pass phrase", "a brand new pass phrase"


@pytest.fixture
def anna() -> User:
    return User.objects.create_user("anna", password=OLD)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def changed(client: Client, old: str = OLD, new: str = GOOD, again: str | None = None):
    return client.post(PAGE, {"old_password": old, "new_password1": new, "new_password2": again or new})


def test_it_takes_the_old_password_and_ends_other_sessions(anna):
    here, elsewhere = signed_in(anna), signed_in(anna)
    assert 'href="/account/password/"' in here.get("/account/second-factor/").content.decode()
    answer = changed(here)
    assert (answer.status_code, answer["Location"]) == (302, "/account/second-factor/")
    assert "you are signed out now" in here.get(answer["Location"]).content.decode()
    assert elsewhere.get(PAGE)["Location"].startswith("/login/")
    anna.refresh_from_db()
    assert anna.check_password(GOOD)
    assert AuditEntry.objects.filter(action="user.password_changed", actor="anna").count() == 1


@pytest.mark.parametrize(
    "wrong", [{"old": "wrong"}, {"new": "short"}, {"new": "password123"}, {"again": "other"}]
)
def test_what_does_not_fit_changes_nothing(anna, wrong):
    assert changed(signed_in(anna), **wrong).status_code == 200
    anna.refresh_from_db()
    assert anna.check_password(OLD)
    assert not AuditEntry.objects.filter(action="user.password_changed").exists()


def test_nobody_guesses_the_old_one_at_an_open_session(anna, settings):
    client = signed_in(anna)
    answers = [changed(client, old="wrong").status_code for _ in range(settings.CONFIG.sign_in_failures + 1)]
    assert answers[-1] == 429
    assert changed(client).status_code == 429


def test_who_has_no_password_here_is_told_where_it_is():
    client = signed_in(User.objects.create_user("by-provider"))
    assert "keeps it" in client.get(PAGE).content.decode()
    assert changed(client).status_code == 409


def test_it_is_for_people_with_an_account(client):
    assert client.get(PAGE)["Location"] == "/login/?next=/account/password/"
    assert client.get("/admin/password_change/")["Location"] == PAGE

"""Failed sign-ins are slowed for an account at an address and for an address, counted in the real Redis."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from retrieval_site import sign_in
from retrieval_site.accounts.models import User
from search.services.tokens import token_create
from workers.encoding import wire

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_redis")]
HOME, AWAY = "10.0.0.1", "10.0.0.2"


@pytest.fixture
def anna() -> User:
    return User.objects.create_user("anna", password="right", is_staff=True)


@pytest.fixture
def few(settings) -> None:
    """Three failures for a pair, six for an address."""
    settings.CONFIG = replace(settings.CONFIG, sign_in_failures=3, sign_in_failures_address=6)


def tried(page: str, password: str, *, username: str = "anna", address: str = HOME, **headers: str):
    return Client(REMOTE_ADDR=address).post(page, {"username": username, "password": password}, **headers)


def statuses(page: str, *passwords: str, **more: str) -> list[int]:
    return [tried(page, password, **more).status_code for password in passwords]


def test_after_some_failures_even_the_right_password_has_to_wait(anna, few):
    assert statuses("/login/", "a", "b", "c", "right") == [200, 200, 200, 429]
    response = tried("/login/", "right")
    assert "auth.too_many_failures" in response.content.decode()
    assert "Too many failed sign-ins" in response.content.decode()
    assert 0 < int(response["Retry-After"]) <= 1800


def test_a_stranger_elsewhere_locks_nobody_out(anna, few):
    statuses("/login/", "a", "b", "c", "d", address=AWAY)
    assert statuses("/login/", "right", address=HOME) == [302]


def test_another_account_at_the_same_address_is_not_slowed_at_once(anna, few):
    User.objects.create_user("ben", password="his")
    statuses("/login/", "a", "b", "c", "d")
    assert statuses("/login/", "his", username="ben") == [302]


def test_an_address_that_tries_many_accounts_is_slowed_for_all(anna, few):
    names = [f"user-{number}" for number in range(6)]
    assert [tried("/login/", "x", username=name).status_code for name in names] == [200] * 6
    assert statuses("/login/", "right") == [429]
    assert statuses("/login/", "right", address=AWAY) == [302]


def test_accounts_that_do_not_exist_are_slowed_alike(few):
    assert statuses("/login/", "a", "b", "c", "d", username="nobody") == [200, 200, 200, 429]


def test_names_that_differ_in_case_or_headers_that_claim_an_address_do_not_help(anna, few):
    statuses("/login/", "a", "b", "c")
    assert tried("/login/", "right", username="ANNA").status_code == 429
    assert tried("/login/", "right", HTTP_X_FORWARDED_FOR="10.9.9.9").status_code == 429


def test_the_right_password_takes_back_what_was_counted(anna, few):
    for _ in range(2):
        assert statuses("/login/", "a", "b", "right") == [200, 200, 302]


def test_an_empty_password_takes_nothing_back(anna, few):
    assert statuses("/login/", "a", "b", "", "right") == [200, 200, 200, 429]


def test_a_new_password_lifts_the_pause_everywhere(anna, few):
    for address in (HOME, AWAY):
        statuses("/login/", "a", "b", "c", address=address)
    user = User.objects.get(username="anna")
    user.set_password("brand-new-words")
    user.save()
    assert [tried("/login/", "brand-new-words", address=at).status_code for at in (HOME, AWAY)] == [302, 302]


def test_the_command_lifts_one_account_or_all(anna, few, capsys):
    statuses("/login/", "a", "b", "c")
    call_command("lift_sign_in_pause", "anna")
    assert "Lifted" in capsys.readouterr().out
    assert statuses("/login/", "right") == [302]
    for number in range(6):
        tried("/login/", "x", username=f"user-{number}")
    call_command("lift_sign_in_pause", "--all")
    assert statuses("/login/", "right") == [302]
    for wrong in ([], ["nobody"], ["anna", "--all"]):
        with pytest.raises(CommandError):
            call_command("lift_sign_in_pause", *wrong)


def test_an_administrator_lifts_it_in_the_list_of_users(anna, few, client):
    statuses("/login/", "a", "b", "c")
    client.force_login(User.objects.create_superuser("chief"))
    chosen = {"action": "lift_pause", "_selected_action": [anna.pk]}
    response = client.post(reverse("admin:accounts_user_changelist"), chosen, follow=True)
    assert "can sign in again" in response.content.decode()
    assert statuses("/login/", "right") == [302]


def test_wrong_tokens_are_slowed_and_right_ones_go_on(anna, few):
    _, key = token_create(user=anna, name="t", scopes=["read"])

    def asked(with_key: str) -> int:
        headers = {"Authorization": f"Bearer {with_key}"}
        return Client(REMOTE_ADDR=HOME).get("/api/v1/collections/", headers=headers).status_code

    assert [asked(f"sl_{number}") for number in range(7)] == [401] * 6 + [429]
    assert asked(key) == 200


def test_an_address_at_its_end_leaves_no_further_counters(anna, few):
    for number in range(20):
        tried("/login/", "x", username=f"user-{number}")
    assert len(list(wire.client().scan_iter("sightline:throttle:signin:*"))) <= 2 * 7


def test_going_on_with_a_slowed_account_slows_no_other_at_the_address(anna, few):
    User.objects.create_user("ben", password="his")
    statuses("/login/", *"abcdefghij")
    assert statuses("/login/", "his", username="ben") == [302]


def test_no_name_stands_in_redis(anna, few):
    statuses("/login/", "a", "b")
    keys = b" ".join(wire.client().scan_iter("*"))
    assert b"signin" in keys
    assert b"anna" not in keys


def test_many_at_once_are_counted_before_any_password_is_looked_at(anna, few, rf, monkeypatch):
    looked: list[str] = []
    monkeypatch.setattr(
        "django.contrib.auth.backends.ModelBackend.authenticate",
        lambda self, request, username=None, password=None, **_: looked.append(password),
    )
    statuses("/login/", *"abcdefgh")
    assert looked == ["a", "b", "c"]


def test_zero_lifts_the_limits(anna, settings):
    settings.CONFIG = replace(settings.CONFIG, sign_in_failures=0, sign_in_failures_address=0)
    assert statuses("/login/", *"abcdefgh", "right") == [200] * 8 + [302]
    assert sign_in.account_rate().limit == 0


def test_a_session_ends_two_weeks_after_its_sign_in_however_it_is_used(anna, client, monkeypatch):
    begun = timezone.now()

    def after(days: int) -> bool:
        monkeypatch.setattr("django.utils.timezone.now", lambda: begun + timedelta(days=days))
        return client.get("/admin/").status_code == 200

    client.post("/login/", {"username": "anna", "password": "right"})
    assert after(0)
    for day in (7, 13):
        assert after(day)
        session = client.session
        session["target"] = f"written on day {day}"
        session.save()
    assert not after(15)
    client.post("/login/", {"username": "anna", "password": "right"})
    assert after(28)
    assert not after(30)

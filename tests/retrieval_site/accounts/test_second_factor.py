"""Second factors: asked for however one signs in, kept unreadable, required of staff where that is set."""

from __future__ import annotations

import json
import re
import time
from base64 import b64decode
from dataclasses import replace
from urllib.parse import unquote

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.core.management import call_command
from django.db import DatabaseError
from django.test import Client
from django.urls import reverse
from redis.exceptions import ConnectionError as RedisConnectionError

from retrieval_site.accounts import second_factor
from retrieval_site.accounts.models import User
from search.models import AuditEntry
from search.services.person_export import person_export
from search.services.tokens import token_create
from tests.support.passkeys import Passkey

from .test_oidc import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_redis")]
KEY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
PAGE = "/account/second-factor/"


def code(steps: int = 0) -> str:
    return format_hotp_value(hotp_value(KEY, int(time.time()) // 30 + steps))


@pytest.fixture
def anna() -> User:
    """Staff with an app and recovery codes."""
    person = User.objects.create_user("anna", password="right", is_staff=True, is_superuser=True)
    TOTP.activate(person, KEY)
    RecoveryCodes.activate(person)
    return person


def half_way(page: str = "/login/") -> Client:
    """A browser in which the password was right."""
    client = Client()
    response = client.post(page, {"username": "anna", "password": "right"}, follow=True)
    assert response.request["PATH_INFO"] == "/login/second-factor/"
    return client


def inside(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_a_password_alone_opens_nothing(anna):
    client = half_way()
    assert not inside(client)
    assert client.get("/admin/").status_code == 302
    assert client.get("/api/v1/jobs/").status_code == 401


def test_the_code_signs_in_once_and_leads_to_where_one_was(anna):
    client = half_way("/login/?next=/collections/")
    now = code()
    assert client.post("/login/second-factor/", {"code": now})["Location"] == "/collections/"
    assert inside(client)
    again = half_way()
    assert "Incorrect code" in again.post("/login/second-factor/", {"code": now}).content.decode()
    assert not inside(again)


def test_a_recovery_code_counts_once(anna):
    first = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()[0]
    client = half_way()
    client.post("/login/second-factor/", {"code": first})
    assert inside(client)
    again = half_way()
    again.post("/login/second-factor/", {"code": first})
    assert not inside(again)


def test_guessing_codes_is_slowed_from_everywhere(anna):
    for number in range(5):
        half_way().post("/login/second-factor/", {"code": "000000"}, REMOTE_ADDR=f"10.0.0.{number}")
    late = half_way()
    late.post("/login/second-factor/", {"code": code()}, REMOTE_ADDR="10.0.1.1")
    assert not inside(late)


def test_while_redis_is_away_codes_are_refused_as_they_could_be_guessed(anna, monkeypatch):
    client = half_way()

    def away(*_: object, **__: object) -> None:
        raise RedisConnectionError

    monkeypatch.setattr("django.core.cache.backends.redis.RedisCacheClient.add", away)
    client.raise_request_exception = False
    response = client.post("/login/second-factor/", {"code": code()})
    assert (response.status_code, "server.broker" in response.content.decode()) == (503, True)
    assert not inside(client)


def test_the_admin_has_no_sign_in_of_its_own(anna):
    client = Client()
    response = client.post("/admin/login/?next=/admin/", {"username": "anna", "password": "right"})
    assert (response.status_code, unquote(response["Location"])) == (302, "/login/?next=/admin/")
    assert not inside(client)


def test_the_providers_people_are_asked_too(client, oidc):
    signed_in(client)
    TOTP.activate(User.objects.get(username="anna"), KEY)
    another = Client()
    assert signed_in(another)["Location"] == "/login/second-factor/"
    assert not inside(another)
    another.post("/login/second-factor/", {"code": code()})
    assert inside(another)


def test_setting_one_up_and_taking_it_away(client, django_capture_on_commit_callbacks):
    User.objects.create_user("ben", password="his")
    client.post("/login/", {"username": "ben", "password": "his"})
    page = client.get(PAGE + "app/")
    drawn = b64decode(re.search(r"data:image/svg\+xml;base64,([^\"]+)", page.content.decode())[1]).decode()
    assert drawn.startswith('<svg xmlns="http://www.w3.org/2000/svg"')  # without it, browsers show no picture
    wrong = client.post(PAGE + "app/", {"code": "000000"})
    assert "Incorrect code" in wrong.content.decode()
    key = client.session["mfa.totp.secret"]
    right = format_hotp_value(hotp_value(key, int(time.time()) // 30))
    with django_capture_on_commit_callbacks(execute=True):
        shown = client.post(PAGE + "app/", {"code": right}, follow=True)
    assert shown.request["PATH_INFO"] == PAGE + "codes/"
    kept = Authenticator.objects.get(type="totp")
    assert key not in str(kept.data)
    codes = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()
    assert codes[0] in client.get(PAGE + "codes/file").content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        client.post(PAGE + "codes/new/")
    assert codes[0] not in client.get(PAGE + "codes/").content.decode()
    client.post(PAGE + "app/remove/")
    assert not Authenticator.objects.exists()
    told = AuditEntry.objects.order_by("pk").values_list("action", "detail__kind")
    assert set(told) == {
        ("second_factor.added", "totp"), ("second_factor.added", "recovery_codes"), ("second_factor.codes_made", None),
        ("second_factor.removed", "totp"), ("second_factor.removed", "recovery_codes"),
    }  # fmt: skip


def test_no_second_factor_is_removed_where_that_cannot_be_noted(anna, monkeypatch):
    client = half_way()
    client.post("/login/second-factor/", {"code": code()})
    kept = {row.pk: row.data for row in Authenticator.objects.all()}

    def away(*_: object, **__: object) -> None:
        raise DatabaseError

    monkeypatch.setattr(second_factor, "audit_note", away)
    client.raise_request_exception = False
    assert client.post(PAGE + "app/remove/").status_code >= 500
    assert {row.pk: row.data for row in Authenticator.objects.all()} == kept


def test_a_session_that_lies_about_confirms_before_it_changes_anything(client):
    ben = User.objects.create_user("ben", password="his")
    client.force_login(ben)  # long ago
    assert client.get(PAGE + "app/")["Location"].startswith("/account/confirm/?next=")
    assert client.get(PAGE + "keys/add/").status_code == 302
    client.post("/account/confirm/?next=" + PAGE + "app/", {"password": "wrong"})
    assert client.get(PAGE + "app/").status_code == 302
    client.post("/account/confirm/?next=" + PAGE + "app/", {"password": "his"})
    assert client.get(PAGE + "app/").status_code == 200


def test_the_providers_people_confirm_there(client, oidc):
    signed_in(client)
    assert client.get(PAGE + "app/").status_code == 200
    session = client.session
    session["account_authentication_methods"][-1]["at"] -= 3600
    session.save()
    assert unquote(client.get(PAGE + "app/")["Location"]) == "/login/provider/?next=" + PAGE + "app/"
    assert signed_in(client, PAGE + "app/")["Location"] == PAGE + "app/"
    assert client.get(PAGE + "app/").status_code == 200


@pytest.fixture
def required(settings) -> None:
    settings.CONFIG = replace(settings.CONFIG, second_factor_staff=True)


def test_staff_without_one_reach_only_its_page(client, required):
    ben = User.objects.create_user("ben", password="his", is_staff=True)
    client.post("/login/", {"username": "ben", "password": "his"})
    for path in ("/", "/admin/", "/collections/"):
        assert client.get(path)["Location"] == PAGE
    assert client.get(PAGE).status_code == client.get(PAGE + "app/").status_code == 200
    answer = client.get("/api/v1/collections/")
    assert (answer.status_code, answer.json()["error"]["id"]) == (403, "auth.second_factor_required")
    for odd in (" ", "Basic x"):
        assert client.get("/api/v1/collections/", headers={"Authorization": odd}).status_code in (401, 403)
    assert client.get("/", headers={"Authorization": "Bearer x"})["Location"] == PAGE
    _, key = token_create(user=ben, name="t", scopes=["read"])
    assert Client().get("/api/v1/collections/", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    TOTP.activate(ben, KEY)
    assert client.get("/admin/").status_code == 200


def test_the_page_to_set_one_up_looks_and_speaks_as_any_other(client, required):
    looks = [reverse("brand_accent"), reverse("manifest"), reverse("brand_file", args=["logo"])]
    before = [client.get(address).status_code for address in looks]
    client.force_login(User.objects.create_user("ben", is_staff=True))
    assert [client.get(address).status_code for address in looks] == before
    assert (before[1], 302 in before) == (200, False)
    client.post("/language/", {"language": "de", "next": PAGE})
    assert 'lang="de"' in client.get(PAGE).content.decode()


def test_others_need_none(client, required):
    client.force_login(User.objects.create_user("ben"))
    assert client.get("/collections/").status_code == 200


def test_where_the_provider_asks_for_it_nothing_more_is_required(client, oidc, settings):
    oidc(staff_groups=["staff"], second_factor=True)
    settings.CONFIG = replace(settings.CONFIG, second_factor_staff=True)
    signed_in(client)
    assert client.get("/admin/").status_code == 200
    another = Client()
    another.force_login(User.objects.get(username="anna"))  # not by the provider
    assert another.get("/admin/")["Location"] == PAGE


def test_who_lost_theirs_is_helped_by_an_administrator_or_the_command(anna, client, capsys):
    chief = User.objects.create_superuser("chief")
    helper = User.objects.create_user("helper", is_staff=True)
    client.force_login(chief)
    chosen = {"action": "remove_second_factor", "_selected_action": [anna.pk]}
    client.post(reverse("admin:accounts_user_changelist"), chosen)
    assert not Authenticator.objects.exists()
    TOTP.activate(anna, KEY)
    call_command("remove_second_factor", "anna")
    assert not Authenticator.objects.exists()
    assert AuditEntry.objects.filter(action="second_factor.removed", target_id=str(anna.pk)).count() == 2
    TOTP.activate(anna, KEY)
    helper.user_permissions.set(_rights("change_user", "view_user"))
    client.force_login(helper)
    client.post(reverse("admin:accounts_user_changelist"), chosen)
    assert Authenticator.objects.exists()  # helpers do not disarm administrators


def _rights(*names: str):
    from django.contrib.auth.models import Permission

    return Permission.objects.filter(codename__in=names)


@pytest.mark.parametrize("ticked", [False, True])
def test_a_passkey_signs_in_alone_only_where_the_box_was_ticked(ticked):
    ben, owner = User.objects.create_user("ben", password="his"), Client()
    device = Passkey(ben)
    owner.post("/login/", {"username": "ben", "password": "his"})
    owner.get(PAGE + "keys/add/")
    sent = {"name": "phone", "credential": device.made(owner)} | ({"passwordless": "on"} if ticked else {})
    assert owner.post(PAGE + "keys/add/", sent).status_code == 302
    assert ("signs in by itself" in owner.get(PAGE + "keys/").content.decode()) is ticked
    alone = Client()
    alone.get("/login/passkey/", headers={"X-Requested-With": "XMLHttpRequest"})
    page = alone.post("/login/passkey/", {"credential": device.signed(alone)}, follow=True)
    assert inside(alone) is ticked
    assert ("This passkey is a second factor" in page.content.decode()) is not ticked
    second = Client()
    second.post("/login/", {"username": "ben", "password": "his"})
    assert not inside(second)
    second.get("/login/second-factor/")
    second.post("/login/second-factor/", {"credential": device.signed(second)})
    assert inside(second)


BLANK = {"id": "eA", "rawId": "eA", "type": "public-key"}
ODD = [
    True, [1], {}, "x", None, {"id": 1}, {"response": {"userHandle": "AAAA"}}, BLANK | {"response": []},
    BLANK | {"response": {"userHandle": "/w", "clientDataJSON": 5, "authenticatorData": [], "signature": "eA"}},
    BLANK | {"response": {"userHandle": None, "clientDataJSON": "e30", "authenticatorData": "eA", "signature": "eA"}},
    BLANK | {"response": {"clientDataJSON": "e30", "attestationObject": "oA"}},
]  # fmt: skip


@pytest.mark.parametrize("page", ["/login/passkey/", "/login/second-factor/", PAGE + "keys/add/"])
def test_what_no_device_sends_is_refused(page, anna):
    client = Client() if page == "/login/passkey/" else half_way()
    if page.endswith("add/"):
        client.post("/login/second-factor/", {"code": code()})
    for number, odd in enumerate(ODD):
        client.get(page)  # a challenge waits
        sent = {"credential": json.dumps(odd), "name": "x"}
        assert client.post(page, sent, REMOTE_ADDR=f"10.0.0.{number}").status_code in (200, 302), odd
    assert not Authenticator.objects.filter(type="webauthn").exists()


def test_another_key_of_the_site_gives_a_clear_page(anna, settings):
    settings.SECRET_KEY = "another"
    client = half_way()
    response = client.post("/login/second-factor/", {"code": code()})
    assert (response.status_code, "auth.second_factor_unreadable" in response.content.decode()) == (409, True)


def test_what_is_kept_of_a_person_has_no_keys(anna, tmp_path):
    with (tmp_path / "anna.zip").open("wb") as file:
        person_export(person=anna, file=file)
    import zipfile

    told = zipfile.ZipFile(tmp_path / "anna.zip").read("data.jsonl").decode()
    assert "mfa.Authenticator" in told
    assert Authenticator.objects.get(type="totp").data["secret"] not in told

"""Signing in by a real provider over HTTP: who gets in, what they may do, and what is refused."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from html import unescape
from urllib.parse import urlsplit

import pytest
import requests
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group, Permission
from django.core import mail
from django.test import Client

from retrieval_site.accounts import oidc as oidc_module
from retrieval_site.accounts.models import User
from retrieval_site.accounts.oidc import SocialAdapter
from retrieval_site.config import BASE_DIR
from retrieval_site.people import manages_models
from search.models import AuditEntry
from search.services.invitations import Invited, invitation_create
from tests.support.at_once import at_once, meet_in
from tests.support.oidc_provider import ANOTHER_KEY

pytestmark = pytest.mark.django_db


def began(client: Client, back: str = "") -> str:
    """Press the button; return the provider's address."""
    page = client.post("/login/provider/", {"next": back})
    assert page.status_code == 200, page.content.decode()
    return unescape(re.search(r'content="0;url=([^"]+)"', page.content.decode())[1])


def came_back(address: str) -> str:
    """Let the provider sign the person in; return where it sends them, as a path here."""
    answer = requests.get(address, allow_redirects=False, timeout=5)
    parts = urlsplit(answer.headers["Location"])
    return f"{parts.path}?{parts.query}"


def signed_in(client: Client, back: str = ""):
    return client.get(came_back(began(client, back)))


def user_of(client: Client) -> User | None:
    key = client.session.get("_auth_user_id")
    return User.objects.get(pk=key) if key else None


def refused(client: Client, error: str, status: int = 403) -> None:
    """Signing in is refused with this id, and nobody is signed in."""
    response = signed_in(client)
    assert (response.status_code, error in response.content.decode()) == (status, True), response.content
    assert user_of(client) is None


def test_a_person_without_an_account_gets_one_and_comes_back_to_where_they_were(client, oidc):
    assert "Sign in with Acme" in client.get("/login/?next=/collections/").content.decode()
    assert signed_in(client, "/collections/")["Location"] == "/collections/"
    anna = user_of(client)
    assert (anna.username, anna.has_usable_password(), anna.is_staff, anna.email) == (
        "anna",
        False,
        False,
        "",
    )
    assert SocialAccount.objects.get(user=anna).extra_data == {}
    assert list(AuditEntry.objects.values_list("action", "actor")) == [("user.created", "anna")]


def test_the_next_time_it_is_the_same_account_whatever_it_is_called_by_then(client, oidc, provider):
    signed_in(client)
    anna = user_of(client)
    provider.claims |= {"preferred_username": "other", "email": "other@x.example"}
    again = Client()
    signed_in(again)
    assert user_of(again) == anna
    provider.claims["sub"] = "a-2"
    signed_in(again)
    assert user_of(again).username == "other"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("subjects", [("a-1", "a-1"), ("a-1", "a-2")], ids=["one person", "two of one name"])
def test_first_sign_ins_at_once_all_succeed(oidc, provider, monkeypatch, subjects):
    oidc(group_map={"staff": "Staff"})
    clients, addresses = [Client(), Client()], []
    for client, subject in zip(clients, subjects, strict=True):
        provider.claims = {**provider.claims, "sub": subject}
        addresses.append(came_back(began(client)))
    came = meet_in(monkeypatch, SocialAdapter, "_save_user")
    answers = at_once(*(partial(*pair) for pair in zip([c.get for c in clients], addresses, strict=True)))
    assert [answer.status_code for answer in answers] == [302, 302]
    assert len(came) >= 2
    people = [user_of(client) for client in clients]
    assert len({person.pk for person in people}) == len(set(subjects)) == User.objects.count()
    assert [account.uid for account in SocialAccount.objects.order_by("uid")] == sorted(set(subjects))
    assert all(person.groups.filter(name="Staff").exists() for person in people)
    assert AuditEntry.objects.filter(action="user.created").count() == len(set(subjects))


@pytest.mark.django_db(transaction=True)
def test_an_account_is_joined_once_by_two_sign_ins_at_once(oidc, provider, monkeypatch):
    oidc(match_email=True)
    provider.claims["email_verified"] = True
    known = User.objects.create_user("ann", email="anna@x.example")
    clients = [Client(), Client()]
    addresses = [came_back(began(client)) for client in clients]
    meet_in(monkeypatch, oidc_module, "_known_by_email")
    answers = at_once(*(partial(*pair) for pair in zip([c.get for c in clients], addresses, strict=True)))
    assert [answer.status_code for answer in answers] == [302, 302]
    assert [user_of(client) for client in clients] == [known, known]
    assert AuditEntry.objects.filter(action="user.joined").count() == 1


def test_where_nobody_gets_an_account_strangers_are_refused(client, oidc):
    oidc(sign_up=False)
    refused(client, "auth.no_account")
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("verified", "invited", "comes"),
    [(True, "Anna@X.example", True), (False, "anna@x.example", False), (True, "ben@x.example", False)],
)
def test_who_was_invited_by_a_verified_address_gets_an_account_all_the_same(
    client, oidc, provider, settings, verified, invited, comes
):
    oidc(sign_up=False)
    settings.CONFIG = replace(settings.CONFIG, email_host="mail.example", site_url="https://find.example")
    chief = User.objects.create_superuser("chief")
    invitation_create(invited=Invited(invited, "en", {}), by=chief)
    client.get(re.search(r"https://find\.example(/invitation/link/\S+)", mail.outbox[-1].body)[1])
    provider.claims["email_verified"] = verified
    if not comes:
        return refused(client, "auth.no_account")
    assert signed_in(client, "/invitation/")["Location"] == "/invitation/"
    assert client.post("/invitation/").status_code == 302
    assert AuditEntry.objects.filter(action="invitation.accepted", actor="anna").exists()
    return None


def test_elsewhere_is_no_place_to_come_back_to(client, oidc):
    assert signed_in(client, "https://evil.example/")["Location"] == "/"


def test_groups_and_rights_come_and_go_with_the_claims(client, oidc, provider):
    oidc(group_map={"archive": "Archive", "labs": "Labs"}, staff_groups=["staff"], admin_groups=["chiefs"])
    Group.objects.create(name="Untouched")
    provider.claims["groups"] = ["archive", "staff", "unknown"]
    signed_in(client)
    anna = user_of(client)
    anna.groups.add(Group.objects.get(name="Untouched"))

    def now() -> tuple[set[str], bool, bool]:
        anna.refresh_from_db()
        return {group.name for group in anna.groups.all()}, anna.is_staff, anna.is_superuser

    assert now() == ({"Archive", "Untouched"}, True, False)
    provider.claims["groups"] = ["labs", "chiefs"]
    signed_in(client)
    assert now() == ({"Labs", "Untouched"}, True, True)
    del provider.claims["groups"]
    signed_in(client)
    assert now() == ({"Untouched"}, False, False)
    told = (
        AuditEntry.objects.filter(action="user.groups_followed")
        .order_by("pk")
        .values_list("detail", flat=True)
    )
    assert [one["groups_added"] for one in told] == [["Archive"], ["Labs"], []]
    assert [one["groups_removed"] for one in told] == [[], ["Archive"], ["Labs"]]
    assert [one["rights"] for one in told][1:] == [
        {"is_superuser": True}, {"is_staff": False, "is_superuser": False},
    ]  # fmt: skip


def test_the_permission_to_manage_models_comes_and_goes_with_its_groups(client, oidc, provider):
    oidc(model_groups=["ml"])

    def now() -> tuple[bool, bool, bool]:
        signed_in(client)
        anna = user_of(client)
        return manages_models(anna), anna.is_staff, anna.is_superuser

    assert now() == (False, False, False)
    provider.claims["groups"] = ["ml"]
    assert now() == (True, True, False)
    assert now() == (True, True, False)
    del provider.claims["groups"]
    assert now() == (False, False, False)
    told = AuditEntry.objects.filter(action="user.groups_followed").order_by("pk")
    assert [one.detail["rights"] for one in told] == [
        {"is_staff": True, "manage_models": True}, {"is_staff": False, "manage_models": False},
    ]  # fmt: skip


def test_a_permission_given_by_hand_stays_where_no_setting_names_its_groups(client, oidc):
    signed_in(client)
    user_of(client).user_permissions.add(Permission.objects.get(codename="manage_models"))
    signed_in(client)
    assert manages_models(user_of(client))


def test_rights_that_no_setting_names_stay(client, oidc):
    signed_in(client)
    User.objects.update(is_staff=True, is_superuser=True)
    signed_in(client)
    assert user_of(client).is_superuser


def test_only_the_named_groups_sign_in_and_who_left_them_keeps_nothing(client, oidc, provider):
    oidc(groups=["staff"], group_map={"staff": "Staff"})
    signed_in(client)
    provider.claims["groups"] = "guests"
    refused(Client(), "auth.not_in_group")
    assert not user_of(client).groups.exists()


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        ("realm_access.roles", {"realm_access": {"roles": ["staff"]}}),
        ("https://x/g", {"https://x/g": ["staff"]}),
    ],
)
def test_groups_may_lie_deeper_or_come_from_userinfo(claim, said, client, oidc, provider):
    oidc(groups=["staff"], groups_claim=claim)
    del provider.claims["groups"]
    refused(client, "auth.not_in_group")
    provider.info = said
    signed_in(client)
    assert user_of(client) is not None


def test_groups_that_are_left_out_are_not_taken_for_none(client, oidc, provider):
    oidc(groups=["staff"])
    provider.claims["_claim_names"] = {"groups": "src1"}
    refused(client, "auth.groups_unknown")


@pytest.mark.parametrize(
    ("verified", "option", "joined"),
    [
        (True, True, True),
        (False, True, False),
        ("false", True, False),
        (None, True, False),
        (True, False, False),
    ],
)
def test_an_account_is_found_by_its_address_only_if_that_is_verified_and_asked_for(
    verified, option, joined, client, oidc, provider
):
    known = User.objects.create_user("a.smith", email="Anna@X.example", password="hers")
    oidc(match_email=option)
    provider.claims["email_verified"] = verified
    signed_in(client)
    assert (user_of(client) == known) is joined
    known.refresh_from_db()
    assert known.check_password("hers")
    assert AuditEntry.objects.filter(action="user.joined").exists() is joined


def test_an_address_of_two_accounts_finds_neither(client, oidc, provider):
    oidc(match_email=True, sign_up=False)
    for name in "ab":
        User.objects.create_user(name, email="anna@x.example")
    provider.claims["email_verified"] = True
    refused(client, "auth.no_account")


def test_a_closed_account_stays_closed(client, oidc):
    signed_in(client)
    User.objects.update(is_active=False)
    refused(Client(), "auth.account_inactive")


@pytest.mark.parametrize(
    "spoiled",
    [
        {"nonce": "another"}, {"iss": "https://evil.example"}, {"aud": "another"}, {"exp": int(time.time()) - 300},
        {"iat": int(time.time()) + 3600}, {"azp": "another"}, {"sub": ""}, {"sub": "x" * 192}, {"name": "a\0b"},
        {"sub": "b-1"},
    ],
    ids=lambda spoiled: next(iter(spoiled)),
)  # fmt: skip
def test_a_token_that_does_not_prove_it_is_refused(spoiled, client, oidc, provider):
    provider.spoiled = spoiled
    refused(client, "auth.provider_token")


def test_a_token_that_another_key_signed_is_refused(client, oidc, provider):
    provider.key = ANOTHER_KEY
    refused(client, "auth.provider_token")


def test_an_answer_without_its_sign_in_is_refused(client, oidc):
    way = came_back(began(Client()))
    response = client.get(way)  # somebody else's browser
    assert (response.status_code, "auth.provider_state" in response.content.decode()) == (400, True)
    mine = came_back(began(client))
    assert client.get(mine).status_code == 302
    assert Client().get(mine).status_code == 400
    assert client.get(mine).status_code == 400  # a second time


def test_a_code_of_another_sign_in_is_refused(client, oidc):
    theirs = re.search(r"code=([^&]+)", came_back(began(Client())))[1]
    state = re.search(r"state=([^&]+)", began(client))[1]
    response = client.get(f"/login/provider/callback/?code={theirs}&state={state}")
    assert (response.status_code, "auth.provider_token" in response.content.decode()) == (403, True)


def test_what_the_provider_refuses_is_said(client, oidc):
    state = re.search(r"state=([^&]+)", began(client))[1]
    response = client.get(f"/login/provider/callback/?error=access_denied&state={state}")
    assert (response.status_code, "auth.provider_refused" in response.content.decode()) == (403, True)


@pytest.mark.parametrize("issuer", ["http://127.0.0.1:9", "the wrong one"])
def test_a_provider_that_is_down_or_another_gives_a_clear_page(issuer, client, oidc, provider):
    if issuer.startswith("http"):
        oidc(issuer=issuer)
    else:
        provider.description = {"issuer": "https://evil.example"}
    response = client.post("/login/provider/")
    assert (response.status_code, "auth.provider_unreachable" in response.content.decode()) == (503, True)
    assert client.get("/login/").status_code == 200


def test_a_provider_that_goes_down_meanwhile_gives_one_too(client, oidc, provider):
    provider.description = {"jwks_uri": "http://127.0.0.1:9/"}
    response = signed_in(client)
    assert (response.status_code, "auth.provider_unreachable" in response.content.decode()) == (503, True)


def test_setting_out_again_and_again_is_slowed(client, oidc):
    assert [client.post("/login/provider/").status_code for _ in range(31)] == [200] * 30 + [429]


def test_without_a_provider_there_is_neither_button_nor_page(client):
    assert "provider" not in client.get("/login/").content.decode()
    assert (
        client.get("/login/provider/").status_code
        == client.get("/login/provider/callback/").status_code
        == 404
    )


@pytest.mark.parametrize(
    "path", ["/accounts/signup/", "/signup/", "/accounts/login/", "/account/email/", "/login/provider/login/"]
)
def test_what_is_not_offered_is_not_there(path, client, oidc):
    assert client.get(path).status_code == 404


def test_nothing_of_it_is_loaded_where_no_provider_is_set():
    loaded = (
        "import django, sys; django.setup(); import retrieval_site.urls;"
        "print([name for name in ('jwt', 'segno', 'PIL', 'retrieval_site.accounts.oidc') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, check=True, cwd=BASE_DIR
    )
    assert done.stdout.strip() == "[]"

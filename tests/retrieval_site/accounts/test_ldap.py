"""Signing in by OpenLDAP's own server: who gets in, as whom, with which rights, and what cannot be done to others."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from io import StringIO
from types import SimpleNamespace

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.test import Client

from retrieval_site import checks
from retrieval_site.accounts.config import LdapConfig, read_ldap
from retrieval_site.accounts.ldap_directory import LdapDirectory, fields_of, identity_of
from retrieval_site.accounts.models import User
from retrieval_site.environment import Environment
from search.models import AuditEntry
from tests.support.at_once import at_once, meet_in
from tests.support.slapd import SERVICE_PASSWORD, ldap, slapd_running
from tests.support.web import free_port

pytestmark = pytest.mark.django_db
PEOPLE, GROUPS = "ou=people,dc=x,dc=example", "ou=groups,dc=x,dc=example"
WRONG = "do not belong together"


@pytest.fixture(scope="module")
def slapd(tmp_path_factory):
    with slapd_running(tmp_path_factory.mktemp("slapd")) as running:
        yield running


def config_of(slapd) -> LdapConfig:
    return LdapConfig(
        url=f"ldap://127.0.0.1:{slapd.port}", start_tls=True, ca_file=slapd.ca_file, seconds=3.0,
        bind_dn="cn=sightline,dc=x,dc=example", bind_password=SERVICE_PASSWORD, user_dn="", user_base=PEOPLE,
        user_filter="(uid=%(user)s)", user_name="uid", group_base=GROUPS, group_filter="(objectClass=groupOfNames)",
        group_type="groupOfNames", groups=[], staff_groups=[], admin_groups=[], model_groups=[], group_map={},
        sign_up=True, match_name=False,
    )  # fmt: skip


@pytest.fixture
def directory(slapd, settings, clean_redis):
    """Set the directory, and whatever a test says of it."""
    settings.AUTHENTICATION_BACKENDS = [
        *settings.AUTHENTICATION_BACKENDS,
        "retrieval_site.accounts.directory.DirectoryBackend",
    ]

    def set_it(**changed):
        settings.CONFIG = replace(settings.CONFIG, ldap=replace(config_of(slapd), **changed))

    set_it()
    return set_it


@pytest.fixture
def sign_in(client, directory):
    def sign_in(name, password="right"):
        client.logout()
        return client.post("/login/", {"username": name, "password": password})

    return sign_in


def _id(response):
    """Return the error's id that a page tells."""
    found = re.search(r"auth\.[a-z_]+", response.content.decode())
    return found and found[0]


def test_somebody_gets_an_account_and_keeps_it_when_their_name_changes(sign_in, slapd):
    assert sign_in("anna").status_code == 302
    anna = User.objects.get()
    assert (anna.username, anna.first_name, anna.email) == ("anna", "Anna", "anna@x.example")
    assert not anna.has_usable_password()
    administrator = slapd.administrator()
    administrator.rename_s(f"uid=Anna,{PEOPLE}", "uid=annika")
    try:
        assert sign_in("Annika").status_code == 302
        assert User.objects.get() == anna
    finally:
        administrator.rename_s(f"uid=annika,{PEOPLE}", "uid=Anna")


@pytest.mark.django_db(transaction=True)
def test_two_first_sign_ins_of_one_person_at_once_both_succeed(directory, monkeypatch):
    directory(group_map={"archivists": "Archive"})
    came = meet_in(monkeypatch, LdapDirectory, "_new_account")
    clients = [Client(), Client()]
    sent = {"username": "anna", "password": "right"}
    answers = at_once(*(partial(client.post, "/login/", sent) for client in clients))
    assert [answer.status_code for answer in answers] == [302, 302]
    assert len(came) == 2
    anna = User.objects.get()
    assert [client.session["_auth_user_id"] for client in clients] == [str(anna.pk)] * 2
    assert SocialAccount.objects.get().user == anna
    assert list(anna.groups.values_list("name", flat=True)) == ["Archive"]
    assert AuditEntry.objects.filter(action="user.created").count() == 1


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("anna", "wrong"),
        ("anna", ""),
        ("nobody", "right"),
        ("*", "right"),
        ("anna)(uid=*", "right"),
        ("*)(uid=*", "right"),
        ("a*", "right"),
        ("anna\\", "right"),
        ("anna\0", "right"),
        ("anna,ou=people", "right"),
        ("x" * 151, "right"),
    ],
)
@pytest.mark.parametrize("direct", [False, True])
def test_no_name_and_no_password_but_the_right_ones_let_in(sign_in, directory, name, password, direct):
    if direct:
        directory(user_base="", user_dn=f"uid=%(user)s,{PEOPLE}", bind_dn="", bind_password="")
    response = sign_in(name, password)
    assert response.status_code == 200
    assert WRONG in response.content.decode()
    assert not User.objects.exists()


def test_people_may_be_bound_directly_without_an_account_of_the_service(sign_in, directory):
    directory(
        user_base="", user_dn=f"uid=%(user)s,{PEOPLE}", bind_dn="", bind_password="", groups=["archivists"]
    )
    assert sign_in("anna").status_code == 302
    assert _id(sign_in("bob")) == "auth.not_in_group"


def test_who_has_to_prove_it_again_does_so_by_the_directory(sign_in, client):
    assert sign_in("anna").status_code == 302
    assert client.post("/account/confirm/", {"password": "wrong"}).status_code == 200
    assert client.post("/account/confirm/", {"password": "right"}).status_code == 302


def test_who_is_called_otherwise_here_than_there_proves_it_by_their_name_there(
    sign_in, directory, client, slapd, settings
):
    settings.CONFIG = replace(settings.CONFIG, sign_in_failures=3)
    sign_in("anna")
    administrator = slapd.administrator()
    administrator.rename_s(f"uid=Anna,{PEOPLE}", "uid=annika")
    try:
        assert sign_in("annika").status_code == 302
        assert User.objects.get().username == "anna"
        assert client.post("/account/confirm/", {"password": "wrong"}).status_code == 200
        assert client.post("/account/confirm/", {"password": "right"}).status_code == 302
        failed = [client.post("/account/confirm/", {"password": "wrong"}).status_code for _ in range(4)]
        assert failed == [200, 200, 200, 429]
        call_command("lift_sign_in_pause", "anna")
        assert client.post("/account/confirm/", {"password": "right"}).status_code == 302
    finally:
        administrator.rename_s(f"uid=annika,{PEOPLE}", "uid=Anna")


def test_an_account_may_be_named_by_another_attribute_than_people_sign_in_with(sign_in, directory, client):
    directory(user_name="mail")
    assert sign_in("anna").status_code == 302
    assert User.objects.get().username == "anna@x.example"
    assert client.post("/account/confirm/", {"password": "right"}).status_code == 302


def test_groups_and_rights_follow_and_others_stay(sign_in, directory, slapd):
    directory(group_map={"archivists": "Archive", "masters": "Masters"}, admin_groups=["bosses"])
    sign_in("anna")
    anna = User.objects.get()
    assert (anna.is_superuser, anna.is_staff) == (True, True)
    assert [group.name for group in anna.groups.all()] == ["Archive"]
    anna.groups.add(Group.objects.create(name="by hand"))
    administrator, bosses = slapd.administrator(), f"cn=bosses,{GROUPS}"
    administrator.modify_s(bosses, [(ldap.MOD_REPLACE, "member", [f"uid=bob,{PEOPLE}".encode()])])
    try:
        directory(group_map={"archivists": "Archive"}, admin_groups=["bosses"], groups=["bosses"])
        assert _id(sign_in("anna")) == "auth.not_in_group"
    finally:
        administrator.modify_s(bosses, [(ldap.MOD_REPLACE, "member", [f"uid=Anna,{PEOPLE}".encode()])])
    anna.refresh_from_db()
    assert (anna.is_superuser, anna.is_staff) == (False, False)
    assert {group.name for group in anna.groups.all()} == {"Archive", "by hand"}
    assert AuditEntry.objects.filter(action="user.groups_followed").count() == 2


def test_nobody_becomes_whoever_has_the_same_name_here(sign_in, directory):
    local = User.objects.create_user("ANNA", password="of here")
    assert _id(sign_in("anna")) == "auth.directory_name_taken"
    assert sign_in("ANNA", "of here").status_code == 302
    SocialAccount.objects.create(user=local, provider="https://id.example", uid="a-1")
    directory(match_name=True)
    assert _id(sign_in("anna")) == "auth.directory_name_taken"
    SocialAccount.objects.all().delete()
    User.objects.update(email="eve@x.example")  # who was invited under anna's name
    assert _id(sign_in("anna")) == "auth.directory_name_taken"
    User.objects.update(email="ANNA@x.example")
    assert sign_in("anna").status_code == 302
    assert SocialAccount.objects.get().user == local
    directory(match_name=False)
    assert sign_in("anna").status_code == 302


def test_strangers_get_no_account_and_inactive_people_no_session(sign_in, directory):
    directory(sign_up=False)
    assert _id(sign_in("anna")) == "auth.no_account"
    assert not User.objects.exists()
    directory()
    sign_in("anna")
    User.objects.update(is_active=False)
    assert WRONG in sign_in("anna").content.decode()


@pytest.mark.parametrize(
    "changed",
    [
        {"url": f"ldap://127.0.0.1:{free_port()}"},
        {"ca_file": ""},
        {"bind_password": "another"},
        {"user_base": "", "user_dn": f"uid=%(user)s,{PEOPLE}", "bind_password": "another"},
        {"group_base": "ou=nowhere,dc=x,dc=example"},
    ],
    ids=[
        "down",
        "a certificate that nobody knows",
        "the service is refused",
        "it is refused later",
        "no such groups",
    ],
)
def test_a_directory_that_fails_keeps_out_its_own_people_only(sign_in, directory, changed):
    User.objects.create_user("carla", password="of here")
    directory(**changed)
    response = sign_in("anna")
    assert (response.status_code, _id(response)) == (503, "auth.directory_unreachable")
    assert sign_in("carla", "of here").status_code == 302


def test_failures_are_counted_as_for_any_account(sign_in, settings):
    settings.CONFIG = replace(settings.CONFIG, sign_in_failures=2)
    sign_in("anna", "wrong")
    sign_in("anna", "wrong")
    assert _id(sign_in("anna")) == "auth.too_many_failures"


def _check(name):
    out = StringIO()
    call_command("ldap_check", name, stdout=out)
    return out.getvalue()


def test_the_command_says_what_would_become_of_somebody(directory, sign_in, slapd):
    directory(group_map={"archivists": "Archive"}, staff_groups=["bosses"])
    said = _check("anna")
    assert "answers, by TLS" in said
    assert f"Found uid=anna,{PEOPLE}, known by entryUUID" in said
    assert "Groups: archivists, bosses." in said
    assert "Would get a new account “anna”." in said
    assert "Groups and rights here: Archive, is_staff." in said
    assert not User.objects.exists()
    sign_in("anna")
    assert "Signs in as “anna”." in _check("anna")
    directory(groups=["bosses"], start_tls=False)
    assert "Would be refused: auth.not_in_group" in _check("bob")
    assert "WITHOUT TLS" in _check("bob")
    with pytest.raises(CommandError, match="Nobody, or more than one"):
        _check("*")
    directory(bind_password="another")
    with pytest.raises(CommandError, match="LDAP_BIND_PASSWORD"):
        _check("anna")
    directory(ca_file="")
    with pytest.raises(CommandError, match="LDAP_CA_FILE"):
        _check("anna")


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        (["anna@x.example"], "anna@x.example"),
        (["anna@x.example, anna.b@x.example"], ""),
        (["anna@x.example;b@x.example", "b@x.example"], "b@x.example"),
        (["anna@x.example\nBcc: b@x.example"], ""),
        ([f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.example"], ""),
        ([b"\xff"], ""),
    ],
)
def test_only_what_is_an_address_becomes_one(told, kept):
    assert fields_of({"mail": told, "sn": ["Muster"]}) == {
        "first_name": "",
        "last_name": "Muster",
        "email": kept,
    }


def test_two_long_names_that_begin_alike_are_two_people():
    dns = [f"cn={'x' * 180},ou={unit},dc=x" for unit in ("here", "there")]
    one, other = (identity_of(SimpleNamespace(attrs={}, dn=dn)) for dn in dns)
    assert one != other
    assert len(one) <= 191


def test_what_is_not_installed_is_said_before_the_first_request(directory, monkeypatch):
    assert checks.the_directory_can_be_asked(None) == []
    monkeypatch.setattr(checks, "find_spec", lambda name: None)
    (error,) = checks.the_directory_can_be_asked(None)
    assert "auth.directory_library" in error.msg


GIVEN = {"LDAP_URL": "ldap://x", "LDAP_USER_BASE": "dc=x"}


@pytest.mark.parametrize(
    "more",
    [
        {"LDAP_URL": "https://x"},
        {"LDAP_USER_DN": "uid=%(user)s"},
        {"LDAP_USER_FILTER": "(uid=anna)"},
        {"LDAP_USER_FILTER": "(uid=%s)"},
        {"LDAP_GROUP_TYPE": "odd"},
        {"LDAP_GROUPS": "a"},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(more):
    with pytest.raises(ImproperlyConfigured):
        read_ldap(Environment(GIVEN | more))


def test_tls_is_asked_for_unless_told_otherwise():
    assert read_ldap(Environment(GIVEN)).start_tls
    assert not read_ldap(Environment({**GIVEN, "LDAP_INSECURE": "1"})).start_tls
    assert not read_ldap(Environment({**GIVEN, "LDAP_URL": "ldaps://x"})).start_tls
    assert read_ldap(Environment({})) is None

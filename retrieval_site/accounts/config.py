"""What an operator sets of the organisation's provider or directory, read by `retrieval_site.config`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    from retrieval_site.environment import Environment

_LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class OidcConfig:
    """An OpenID Connect provider, and what its claims mean here; docs/sign-in.md explains every field."""

    issuer: str
    client_id: str
    client_secret: str
    name: str
    scopes: list[str]
    groups_claim: str
    groups: list[str]
    staff_groups: list[str]
    admin_groups: list[str]
    model_groups: list[str]
    group_map: dict[str, str]
    sign_up: bool
    match_email: bool
    second_factor: bool


def read_oidc(env: Environment) -> OidcConfig | None:
    """Return the provider, None where none is set; raises `ImproperlyConfigured` for one that cannot be used."""
    issuer = env.text("OIDC_ISSUER")
    if not issuer:
        return None
    parts = urlsplit(issuer)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
        raise ImproperlyConfigured(f"OIDC_ISSUER: “{issuer}” is no address that begins with https://.")
    if len(issuer) > 200:  # it is kept beside each person's subject
        raise ImproperlyConfigured("OIDC_ISSUER is longer than 200 characters.")
    return OidcConfig(
        issuer=issuer,
        client_id=_needed(env, "OIDC_CLIENT_ID"),
        client_secret=env.text("OIDC_CLIENT_SECRET"),
        name=env.text("OIDC_NAME", "your organisation"),
        scopes=env.words("OIDC_SCOPES", ["openid", "profile", "email"]),
        groups_claim=env.text("OIDC_GROUPS_CLAIM", "groups"),
        groups=env.words("OIDC_GROUPS"),
        staff_groups=env.words("OIDC_STAFF_GROUPS"),
        admin_groups=env.words("OIDC_ADMIN_GROUPS"),
        model_groups=env.words("OIDC_MODEL_GROUPS"),
        group_map=env.mapping("OIDC_GROUP_MAP"),
        sign_up=env.flag("OIDC_SIGN_UP"),
        match_email=env.flag("OIDC_MATCH_EMAIL"),
        second_factor=env.flag("OIDC_SECOND_FACTOR"),
    )


def _needed(env: Environment, name: str) -> str:
    value = env.text(name)
    if not value:
        raise ImproperlyConfigured(f"{name} is needed where OIDC_ISSUER is set.")
    return value


GROUP_TYPES = {
    "groupOfNames": "GroupOfNamesType",
    "nestedGroupOfNames": "NestedGroupOfNamesType",
    "groupOfUniqueNames": "GroupOfUniqueNamesType",
    "nestedGroupOfUniqueNames": "NestedGroupOfUniqueNamesType",
    "posixGroup": "PosixGroupType",
    "activeDirectory": "ActiveDirectoryGroupType",
    "nestedActiveDirectory": "NestedActiveDirectoryGroupType",
}
"""How groups name their members, by the class of django-auth-ldap that reads them."""


@dataclass(frozen=True)
class LdapConfig:
    """A directory that speaks LDAP, and what its groups mean here; docs/sign-in.md explains every field."""

    url: str
    start_tls: bool
    ca_file: str
    seconds: float
    bind_dn: str
    bind_password: str
    user_dn: str
    user_base: str
    user_filter: str
    user_name: str
    group_base: str
    group_filter: str
    group_type: str
    groups: list[str]
    staff_groups: list[str]
    admin_groups: list[str]
    model_groups: list[str]
    group_map: dict[str, str]
    sign_up: bool
    match_name: bool


def read_ldap(env: Environment) -> LdapConfig | None:
    """Return the directory, None where none is set; raises `ImproperlyConfigured` for one that cannot be used."""
    url, insecure = env.text("LDAP_URL"), env.flag("LDAP_INSECURE")
    if not url:
        return None
    ldap = LdapConfig(
        url=url,
        start_tls=urlsplit(url).scheme == "ldap" and not insecure,
        ca_file=env.text("LDAP_CA_FILE"),
        seconds=env.number("LDAP_SECONDS", 5.0, least=0.001),
        bind_dn=env.text("LDAP_BIND_DN"),
        bind_password=env.text("LDAP_BIND_PASSWORD"),
        user_dn=env.text("LDAP_USER_DN"),
        user_base=env.text("LDAP_USER_BASE"),
        user_filter=env.text("LDAP_USER_FILTER", "(uid=%(user)s)"),
        user_name=env.text("LDAP_USER_NAME", "uid"),
        group_base=env.text("LDAP_GROUP_BASE"),
        group_filter=env.text("LDAP_GROUP_FILTER", "(objectClass=*)"),
        group_type=env.text("LDAP_GROUP_TYPE", "groupOfNames"),
        groups=env.words("LDAP_GROUPS"),
        staff_groups=env.words("LDAP_STAFF_GROUPS"),
        admin_groups=env.words("LDAP_ADMIN_GROUPS"),
        model_groups=env.words("LDAP_MODEL_GROUPS"),
        group_map=env.mapping("LDAP_GROUP_MAP"),
        sign_up=env.flag("LDAP_SIGN_UP"),
        match_name=env.flag("LDAP_MATCH_NAME"),
    )
    _check_ldap(ldap)
    return ldap


def _check_ldap(ldap: LdapConfig) -> None:
    """Raise `ImproperlyConfigured` for settings that contradict each other."""
    if urlsplit(ldap.url).scheme not in ("ldap", "ldaps") or not urlsplit(ldap.url).hostname:
        raise ImproperlyConfigured(f"LDAP_URL: “{ldap.url}” is no address such as ldaps://ldap.example.org.")
    if bool(ldap.user_dn) == bool(ldap.user_base):
        raise ImproperlyConfigured("Set LDAP_USER_BASE, or LDAP_USER_DN instead.")
    pattern = ldap.user_dn or ldap.user_filter
    try:
        used = "%(user)s" in pattern and bool(pattern % {"user": "somebody"})
    except (ValueError, KeyError, TypeError):
        used = False
    if not used:
        raise ImproperlyConfigured(f"“{pattern}” does not say by %(user)s where the user's name stands.")
    if ldap.group_type not in GROUP_TYPES:
        raise ImproperlyConfigured(f"LDAP_GROUP_TYPE is none of {', '.join(GROUP_TYPES)}.")
    named = (ldap.groups, ldap.staff_groups, ldap.admin_groups, ldap.model_groups, ldap.group_map)
    if not ldap.group_base and any(named):
        raise ImproperlyConfigured("LDAP_GROUP_BASE is needed where groups are named.")

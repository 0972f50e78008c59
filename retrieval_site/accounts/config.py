"""What an operator sets of the organisation's provider or directory, read by `retrieval_site.config`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    import environ

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
    group_map: dict[str, str]
    sign_up: bool
    match_email: bool
    second_factor: bool


def read_oidc(env: environ.Env) -> OidcConfig | None:
    """Return the provider, None where none is set; raises `ImproperlyConfigured` for one that cannot be used."""
    issuer = env.str("OIDC_ISSUER", default="")
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
        client_secret=env.str("OIDC_CLIENT_SECRET", default=""),
        name=env.str("OIDC_NAME", default="your organisation"),
        scopes=env.list("OIDC_SCOPES", cast=str.strip, default=["openid", "profile", "email"]),
        groups_claim=env.str("OIDC_GROUPS_CLAIM", default="groups"),
        groups=env.list("OIDC_GROUPS", cast=str.strip, default=[]),
        staff_groups=env.list("OIDC_STAFF_GROUPS", cast=str.strip, default=[]),
        admin_groups=env.list("OIDC_ADMIN_GROUPS", cast=str.strip, default=[]),
        group_map=_map(env, "OIDC_GROUP_MAP"),
        sign_up=env.bool("OIDC_SIGN_UP", default=False),
        match_email=env.bool("OIDC_MATCH_EMAIL", default=False),
        second_factor=env.bool("OIDC_SECOND_FACTOR", default=False),
    )


def _needed(env: environ.Env, name: str) -> str:
    value = env.str(name, default="")
    if not value:
        raise ImproperlyConfigured(f"{name} is needed where OIDC_ISSUER is set.")
    return str(value)


def _map(env: environ.Env, variable: str) -> dict[str, str]:
    """Return which group of theirs is which group here."""
    try:
        value = env.json(variable, default={})
    except ValueError as error:
        raise ImproperlyConfigured(f"{variable} is no JSON.") from error
    named = isinstance(value, dict) and all(isinstance(name, str) and name for name in value.values())
    if not named:
        raise ImproperlyConfigured(f'{variable} is no JSON object such as {{"their group": "Our group"}}.')
    return dict(value)


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
    group_map: dict[str, str]
    sign_up: bool
    match_name: bool


def read_ldap(env: environ.Env) -> LdapConfig | None:
    """Return the directory, None where none is set; raises `ImproperlyConfigured` for one that cannot be used."""
    url, insecure = env.str("LDAP_URL", default=""), env.bool("LDAP_INSECURE", default=False)
    if not url:
        return None
    ldap = LdapConfig(
        url=url,
        start_tls=urlsplit(url).scheme == "ldap" and not insecure,
        ca_file=env.str("LDAP_CA_FILE", default=""),
        seconds=env.float("LDAP_SECONDS", default=5.0),
        bind_dn=env.str("LDAP_BIND_DN", default=""),
        bind_password=env.str("LDAP_BIND_PASSWORD", default=""),
        user_dn=env.str("LDAP_USER_DN", default=""),
        user_base=env.str("LDAP_USER_BASE", default=""),
        user_filter=env.str("LDAP_USER_FILTER", default="(uid=%(user)s)"),
        user_name=env.str("LDAP_USER_NAME", default="uid"),
        group_base=env.str("LDAP_GROUP_BASE", default=""),
        group_filter=env.str("LDAP_GROUP_FILTER", default="(objectClass=*)"),
        group_type=env.str("LDAP_GROUP_TYPE", default="groupOfNames"),
        groups=env.list("LDAP_GROUPS", cast=str.strip, default=[]),
        staff_groups=env.list("LDAP_STAFF_GROUPS", cast=str.strip, default=[]),
        admin_groups=env.list("LDAP_ADMIN_GROUPS", cast=str.strip, default=[]),
        group_map=_map(env, "LDAP_GROUP_MAP"),
        sign_up=env.bool("LDAP_SIGN_UP", default=False),
        match_name=env.bool("LDAP_MATCH_NAME", default=False),
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
    if not ldap.group_base and (ldap.groups or ldap.staff_groups or ldap.admin_groups or ldap.group_map):
        raise ImproperlyConfigured("LDAP_GROUP_BASE is needed where groups are named.")

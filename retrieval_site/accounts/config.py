"""What an operator sets of the organisation's provider, read by `retrieval_site.config`."""

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
        group_map=_map(env),
        sign_up=env.bool("OIDC_SIGN_UP", default=False),
        match_email=env.bool("OIDC_MATCH_EMAIL", default=False),
        second_factor=env.bool("OIDC_SECOND_FACTOR", default=False),
    )


def _needed(env: environ.Env, name: str) -> str:
    value = env.str(name, default="")
    if not value:
        raise ImproperlyConfigured(f"{name} is needed where OIDC_ISSUER is set.")
    return str(value)


def _map(env: environ.Env) -> dict[str, str]:
    """Return which group of the provider's is which group here."""
    try:
        value = env.json("OIDC_GROUP_MAP", default={})
    except ValueError as error:
        raise ImproperlyConfigured("OIDC_GROUP_MAP is no JSON.") from error
    named = isinstance(value, dict) and all(isinstance(name, str) and name for name in value.values())
    if not named:
        raise ImproperlyConfigured('OIDC_GROUP_MAP is no JSON object such as {"their group": "Our group"}.')
    return dict(value)

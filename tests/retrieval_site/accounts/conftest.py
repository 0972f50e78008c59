"""A provider for all tests of a module, with what a test set of it taken back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from retrieval_site.accounts.config import OidcConfig
from tests.support.oidc_provider import CLIENT_ID, CLIENT_PASSWORD, KEY, OidcProvider, oidc_provider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module")
def _served() -> Iterator[OidcProvider]:
    with oidc_provider() as about:
        yield about


@pytest.fixture
def provider(_served: OidcProvider, clean_redis) -> OidcProvider:
    """The provider, at which Anna is known."""
    _served.claims = {
        "sub": "a-1",
        "preferred_username": "anna",
        "email": "anna@x.example",
        "groups": ["staff"],
    }
    _served.info, _served.spoiled, _served.description, _served.key = {}, {}, {}, KEY
    _served.codes.clear()
    return _served


def config_of(provider: OidcProvider) -> OidcConfig:
    """Return the settings with which the provider is used, strangers welcome."""
    return OidcConfig(
        issuer=provider.issuer, client_id=CLIENT_ID, client_secret=CLIENT_PASSWORD, name="Acme",
        scopes=["openid", "profile", "email"], groups_claim="groups", groups=[], staff_groups=[], admin_groups=[],
        model_groups=[], group_map={}, sign_up=True, match_email=False, second_factor=False,
    )  # fmt: skip


@pytest.fixture
def oidc(provider: OidcProvider, settings) -> Callable[..., None]:
    """Set the provider, and whatever a test says of it."""

    def set_it(**changed: object) -> None:
        settings.CONFIG = replace(settings.CONFIG, oidc=replace(config_of(provider), **changed))

    set_it()
    return set_it

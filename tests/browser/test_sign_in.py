"""Signing in in a browser, under the site's own policy for scripts and forms: by a provider, by passkeys."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.retrieval_site.accounts.conftest import config_of
from tests.support.browser import PHONE, accessibility_problems, overflow
from tests.support.oidc_provider import oidc_provider

if TYPE_CHECKING:
    from playwright.sync_api import Page

DEVICE = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


def fits(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    assert (overflow(page), accessibility_problems(page)) == (0, [])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_provider_then_a_passkey_alone_then_as_the_second_factor(
    scheme, live_server, open_context, settings, clean_redis
):
    with oidc_provider() as provider:
        provider.claims = {"sub": "a-1", "preferred_username": "anna"}
        provider.returns_to = f"{live_server.url}/login/provider/callback/"
        settings.CONFIG = replace(settings.CONFIG, oidc=config_of(provider))
        page = open_context(viewport=PHONE, color_scheme=scheme).new_page()
        device = page.context.new_cdp_session(page)
        device.send("WebAuthn.enable")
        device.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
        page.goto(f"{live_server.url}/login/?next=/account/second-factor/")
        fits(page)
        page.get_by_role("button", name="Sign in with Acme").click()
        page.wait_for_url("**/account/second-factor/")
        page.get_by_role("link", name="Set up an app").click()
        fits(page)
        assert page.locator(".qr").evaluate("picture => picture.naturalWidth") > 100
        page.goto(f"{live_server.url}/account/second-factor/keys/add/")
        fits(page)
        page.get_by_label("Sign in with it alone").check()
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.locator("code")).to_have_count(10)
        fits(page)
        page.goto(f"{live_server.url}/account/second-factor/")
        fits(page)
        page.get_by_role("button", name="Sign out").click()
        page.goto(f"{live_server.url}/login/?next=/collections/")
        page.get_by_role("button", name="Use a passkey").click()
        page.wait_for_url("**/collections/")
        page.get_by_role("button", name="Sign out").click()
        page.goto(f"{live_server.url}/login/?next=/collections/")
        page.get_by_role("button", name="Sign in with Acme").click()
        page.wait_for_url("**/login/second-factor/")
        fits(page)
        page.get_by_role("button", name="Use a passkey").click()
        page.wait_for_url("**/collections/")
        expect(page.get_by_role("link", name="Your account")).to_be_visible()

"""Searches that somebody with an account made: saved, opened again, renamed, removed and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client
from playwright.sync_api import expect

from retrieval_site.accounts.models import User
from tests.support.browser import DESKTOP, PHONE, accessibility_problems, overflow
from tests.support.corpus import picture
from tests.support.tiny_bundle import COLOURS
from tests.support.workers import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

    from tests.support.browser import Site

FILE = {"name": "red.jpg", "mimeType": "image/jpeg", "buffer": picture(COLOURS["red"], size=(400, 300))}


def signed_in(context: BrowserContext, site: Site, name: str = "ann") -> Page:
    """A page of this person's browser."""
    client = Client()
    client.force_login(User.objects.get_or_create(username=name)[0])
    session = client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": site.url}])
    return context.new_page()


def search_by_photo(site: Site, page: Page) -> None:
    page.goto(site.url)
    page.set_input_files("#photo", files=[FILE])
    page.wait_for_url("**/q/*/")


@pytest.mark.parametrize("script", [True, False], ids=["javascript", "no javascript"])
def test_a_search_is_saved_opened_again_renamed_and_removed(site: Site, open_context, script: bool) -> None:
    page = signed_in(open_context(java_script_enabled=script), site)
    page.goto(site.url)
    page.fill("#words", "a red pump")
    page.locator(".words").get_by_role("button", name="Search").click()
    page.wait_for_url("**/q/*/")
    results = page.url
    page.locator(".save summary").click()
    expect(page.get_by_label("Name")).to_have_value("a red pump")
    page.get_by_label("Name").fill("Red pumps")
    page.get_by_role("button", name="Save this search").click()
    expect(page.get_by_role("status").filter(has_text="Saved as “Red pumps”.")).to_be_visible()
    page.get_by_role("link", name="Saved as Red pumps").click()
    expect(page.get_by_role("heading", name="Your searches")).to_be_visible()
    row = page.locator(".search-row", has_text="Red pumps")
    row.locator("summary", has_text="Rename").click()
    row.get_by_label("Name").fill("Pumps in the hall")
    row.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Pumps in the hall").click()
    page.wait_for_url(results)
    page.get_by_role("link", name="Your searches").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.locator(".search-row", has_text="a red pump")).to_be_visible()
    expect(page.get_by_role("button", name="Remove")).to_have_count(0)


def test_one_and_all_are_deleted(site: Site, open_context) -> None:
    page = signed_in(open_context(), site)
    for _ in range(2):
        search_by_photo(site, page)
    page.get_by_role("link", name="Your searches").click()
    expect(page.locator(".search-row")).to_have_count(2)
    photo = page.locator(".search-photo").first
    wait_until(lambda: photo.evaluate("e => e.naturalWidth > 0"), seconds=20, what="the photo")
    page.get_by_role("link", name="Delete : A photo").first.click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator(".search-row")).to_have_count(1)
    page.get_by_role("link", name="Delete all").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator(".search-row")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_pages_are_accessible_and_fit(site: Site, open_context, scheme: str, viewport) -> None:
    page = signed_in(open_context(color_scheme=scheme, viewport=viewport), site)
    search_by_photo(site, page)
    page.locator(".save summary").click()
    assert (accessibility_problems(page), overflow(page)) == ([], 0)
    page.get_by_label("Name").fill("Red things")
    page.get_by_role("button", name="Save this search").click()
    search_by_photo(site, page)
    page.goto(site.at("/searches/"))
    page.locator(".search-rename summary", has_text="Rename").click()
    assert (accessibility_problems(page), overflow(page)) == ([], 0)
    page.goto(site.at("/searches/clear/"))
    assert (accessibility_problems(page), overflow(page)) == ([], 0)

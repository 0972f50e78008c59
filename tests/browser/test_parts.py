"""A search put together from parts: a photo kept while words are added, chips weighed, turned round and removed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.browser import DESKTOP, PHONE
from tests.support.corpus import picture
from tests.support.tiny_bundle import COLOURS

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.support.browser import Site

FILE = {
    "name": "red.jpg",
    "mimeType": "image/jpeg",
    "buffer": picture(COLOURS["red"], size=(400, 300)),
}
FIRST_HIT_PX = 500
"""How far down the first hit of two parts begins at most, on a phone, too."""
SHOTS = os.environ.get("SCREENSHOTS")


def _shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["wide", "narrow"])
def test_words_are_added_to_a_photo_weighed_and_led_away_from(site: Site, open_context, size) -> None:
    page = open_context(viewport=size).new_page()
    page.goto(site.url)
    page.set_input_files("#photo", files=[FILE])
    page.wait_for_url("**/q/*/")
    composer = page.get_by_role("form", name="Parts of this search")
    composer.get_by_label("Add words to this search").fill("cyan")
    composer.get_by_role("button", name="Like this", exact=True).click()
    chips = page.locator("[data-part]")
    expect(chips).to_have_count(2)
    expect(chips.nth(0)).to_contain_text("Your photo")
    expect(chips.nth(1)).to_contain_text("cyan")
    assert page.locator(".hit").first.bounding_box()["y"] < FIRST_HIT_PX
    _shot(page, f"composed-{size['width']}")
    page.emulate_media(color_scheme="dark")
    _shot(page, f"composed-{size['width']}-dark")
    chips.nth(1).get_by_role("button", name="Not like this: cyan").click()
    expect(page.locator(".part.less")).to_have_count(1)
    chips.nth(1).get_by_label("How much “cyan” counts").fill("0.3")
    expect(page.locator(".part.less output")).to_have_text("0.3")
    expect(page.locator(".part.less input[name=strength]")).to_have_attribute("value", "0.3")
    expect(page.locator(".part.less input[name=strength]")).to_be_focused()
    page.go_back()
    expect(page.locator(".part.less input[name=strength]")).to_have_value("1")
    expect(page.locator(".part.less output")).to_have_text("1")
    page.go_forward()
    expect(page.locator(".part.less output")).to_have_text("0.3")
    chips.nth(1).get_by_role("button", name="Remove: cyan").click()
    expect(page.get_by_alt_text("The photo that was searched with")).to_be_visible()
    expect(chips).to_have_count(0)


def test_a_hit_is_added_and_led_away_from_without_javascript(site: Site, open_context) -> None:
    page = open_context(java_script_enabled=False).new_page()
    page.goto(site.url)
    page.get_by_label("Describe what you are looking for").fill("red")
    page.locator(".words").get_by_role("button", name="Search").click()
    page.locator(".hit").nth(1).get_by_role("button", name="Not like this").click()
    expect(page.locator("[data-part]")).to_have_count(2)
    expect(page.locator(".part.less")).to_have_count(1)
    page.get_by_role("button", name="Search with these weights").click()
    expect(page.locator("[data-part]")).to_have_count(2)

"""Suggestions while somebody writes: by keyboard, mouse and finger, told to screen readers, and none without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.test_saved_searches import signed_in
from tests.support.browser import DESKTOP, PHONE, accessibility_problems, overflow

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.support.browser import Site


def write(page: Page, words: str) -> None:
    page.locator("#words").press_sequentially(words)
    expect(page.get_by_role("listbox", name="Suggestions")).to_be_visible()


def options_of(page: Page) -> Locator:
    """What is suggested: other fields of the page have options of their own."""
    return page.get_by_role("listbox", name="Suggestions").get_by_role("option")


def test_the_keyboard_goes_through_the_suggestions_and_searches_with_one(site: Site, page: Page) -> None:
    page.goto(site.url)
    box = page.get_by_role("combobox", name="Describe what you are looking for")
    expect(box).to_have_attribute("aria-expanded", "false")
    write(page, "va")
    options = options_of(page)
    expect(options.first).to_have_text("Red valve")
    expect(page.locator("#live")).to_have_text(f"{options.count()} suggestions.")
    expect(box).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    expect(box).to_have_attribute("aria-activedescendant", "suggestion-0")
    page.keyboard.press("ArrowUp")
    expect(box).not_to_have_attribute("aria-activedescendant", "suggestion-0")
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox", name="Suggestions")).to_be_hidden()
    expect(box).to_have_value("va")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("listbox", name="Suggestions")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/q/*/")
    expect(page.locator(".asked-words")).to_contain_text("Red valve")


def test_enter_without_a_choice_searches_with_what_was_written(site: Site, page: Page) -> None:
    page.goto(site.url)
    write(page, "red va")
    page.keyboard.press("Enter")
    page.wait_for_url("**/q/*/")
    expect(page.locator(".asked-words")).to_contain_text("red va")


def test_an_identifier_opens_its_document_by_mouse(site: Site, page: Page) -> None:
    page.goto(site.at("/collections/"))
    write(page, "red1")
    options_of(page).filter(has_text="red-1").click()
    page.wait_for_url(f"**/documents/{site.documents['red'].pk}/")


def test_a_finger_picks_one_on_a_phone(site: Site, open_context) -> None:
    page = open_context(viewport=PHONE, has_touch=True, is_mobile=True).new_page()
    page.goto(site.url)
    write(page, "valv")
    assert overflow(page) == 0
    options_of(page).first.tap()
    page.wait_for_url("**/q/*/")


def test_what_somebody_asked_before_is_offered_to_them_alone(site: Site, open_context) -> None:
    page = signed_in(open_context(), site)
    page.goto(site.url)
    page.fill("#words", "the odd one in the hall")
    page.keyboard.press("Enter")
    page.wait_for_url("**/q/*/")
    page.goto(site.url)
    write(page, "odd")
    expect(options_of(page).first).to_contain_text("the odd one in the hall")
    other = signed_in(open_context(), site, "ben")
    other.goto(site.url)
    with other.expect_response("**/suggestions/**"):
        other.locator("#words").press_sequentially("odd")
    expect(options_of(other)).to_have_count(0)


def test_titles_of_private_documents_are_not_suggested(site: Site, page: Page) -> None:
    page.goto(site.url)
    with page.expect_response("**/suggestions/**") as answered:
        page.locator("#words").fill("secret")
    assert answered.value.json() == {"suggestions": []}


def test_without_javascript_the_box_is_a_plain_one(site: Site, open_context) -> None:
    page = open_context(java_script_enabled=False).new_page()
    page.goto(site.url)
    assert page.locator("#words").get_attribute("role") is None
    assert page.locator(".suggestions").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_open_list_is_accessible(site: Site, open_context, scheme: str, viewport) -> None:
    page = open_context(color_scheme=scheme, viewport=viewport).new_page()
    page.goto(site.at("/collections/"))
    write(page, "red")
    page.keyboard.press("ArrowDown")
    assert accessibility_problems(page) == []

"""Narrowing an answer: menus, ranges, chips, the order; by mouse, by keys, on a phone and without JavaScript."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from search.services.document_fields import DocumentFields
from search.services.documents import document_save, encode_soon
from tests.support.browser import DESKTOP, PHONE, accessibility_problems, overflow
from workers.jobs.runner import run_job_inline

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext, Locator, Page

    from tests.support.browser import Site

MAKERS = ("Wilo", "Lowara", "Grundfos", "KSB", "Ebara", "Calpeda", "DAB", "Pedrollo", "Speroni", "Zenit")


@pytest.fixture
def pumps(site: Site) -> Site:
    """Forty red pumps of ten makers, with a year, a date, a state and a serial number."""
    for n in range(40):
        metadata = {
            "maker": MAKERS[n % 10],
            "year": 1985 + n,
            "inspected": f"2026-{1 + n % 12:02}-15",
            "in_service": n % 4 > 0,
            "serial_number": f"SN-{n:05}",
        }
        fields = DocumentFields(
            title=f"Red pump {n:02}", body=f"A red pump, number {n}.", tags=("pump",), metadata=metadata
        )
        document_save(collection=site.notes, external_id=f"pump-{n}", fields=fields)
    assert run_job_inline(encode_soon()).state == "succeeded"
    return site


def search(site: Site, page: Page) -> None:
    page.goto(site.url)
    page.fill("#words", "a red pump")
    page.keyboard.press("Enter")
    page.wait_for_url("**/q/*/")


def menu(page: Page, name: str) -> Locator:
    return page.locator("[data-filter-menu]", has=page.locator("summary", has_text=name))


def open_menu(page: Page, name: str) -> Locator:
    opened = menu(page, name)
    opened.locator("summary").click()
    expect(opened.get_by_role("button", name="Show results")).to_be_visible()
    return opened


def titles(page: Page) -> list[str]:
    return page.locator("[data-hit-link]").all_inner_texts()


def test_values_are_ticked_seen_as_chips_and_taken_away(pumps: Site, page: Page) -> None:
    search(pumps, page)
    opened = open_menu(page, "Maker")
    expect(opened.locator(".tick", has_text="Wilo")).to_contain_text("4")
    opened.get_by_label("Wilo").check()
    opened.get_by_label("KSB").check()
    opened.get_by_role("button", name="Show results").click()
    page.wait_for_url("**/q/*/?metadata.maker=*")
    expect(page.locator("[data-hit]")).to_have_count(8)
    expect(page.locator(".filter-chip")).to_have_count(2)
    page.get_by_role("link", name=re.compile("Remove the filter Maker KSB")).click()
    expect(page.locator("[data-hit]")).to_have_count(4)
    assert page.url.endswith("?metadata.maker=Wilo")
    page.get_by_role("link", name="Clear all").click()
    expect(page.locator(".filter-chip")).to_have_count(0)


def test_a_range_of_years_narrows_and_the_order_follows_the_choice(pumps: Site, page: Page) -> None:
    search(pumps, page)
    opened = open_menu(page, "Year")
    expect(opened).to_contain_text("1985 to 2024")
    opened.get_by_label("From").fill("1990")
    opened.get_by_label("To").fill("1994")
    page.keyboard.press("Enter")
    page.wait_for_url("**/?from.metadata.year=1990&to.metadata.year=1994")
    expect(page.locator("[data-hit]")).to_have_count(5)
    page.get_by_label("Order of the results").select_option("-metadata.year")
    page.wait_for_url("**sort=-metadata.year")
    assert titles(page) == [f"Red pump {n:02}" for n in (9, 8, 7, 6, 5)]


def test_a_value_is_found_by_typing_and_what_was_ticked_stays(pumps: Site, page: Page) -> None:
    search(pumps, page)
    opened = open_menu(page, "Maker")
    opened.get_by_label("Zenit").check()
    opened.get_by_role("searchbox").press_sequentially("gru")
    expect(opened.locator(".tick")).to_have_count(2)
    opened.get_by_role("searchbox").press("Enter")
    expect(opened.get_by_label("Grundfos")).to_be_checked()
    opened.get_by_role("button", name="Show results").click()
    page.wait_for_url("**/q/*/?metadata.maker=*")
    expect(page.locator(".filter-chip")).to_have_count(2)


def test_a_menu_closes_with_escape_and_a_click_beside_it(pumps: Site, page: Page) -> None:
    search(pumps, page)
    opened = open_menu(page, "Maker")
    page.keyboard.press("Escape")
    expect(opened).not_to_have_attribute("open", "")
    expect(opened.locator("summary")).to_be_focused()
    opened.locator("summary").click()
    page.locator("#results-title").click()
    expect(opened).not_to_have_attribute("open", "")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_bar_fits_and_is_accessible(
    pumps: Site, open_context: Callable[..., BrowserContext], viewport: dict[str, int], scheme: str
) -> None:
    page = open_context(viewport=viewport, color_scheme=scheme).new_page()
    search(pumps, page)
    opened = open_menu(page, "Maker")
    box = opened.locator(".menu-sheet").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= viewport["width"]
    assert accessibility_problems(page) == []
    opened.get_by_label("Wilo").check()
    opened.get_by_role("button", name="Show results").click()
    page.wait_for_url("**/q/*/?metadata.maker=*")
    assert accessibility_problems(page) == []
    assert overflow(page) <= 0


def test_it_works_without_javascript(pumps: Site, open_context: Callable[..., BrowserContext]) -> None:
    page = open_context(java_script_enabled=False).new_page()
    page.goto(pumps.url)
    page.fill("#words", "a red pump")
    page.keyboard.press("Enter")
    page.wait_for_url("**/q/*/")
    menu(page, "Maker").locator("summary").click()
    menu(page, "Maker").get_by_role("link", name="Show its values").click()
    page.wait_for_url("**?menu=metadata.maker")
    menu(page, "Maker").get_by_label("Wilo").check()
    menu(page, "Maker").get_by_role("button", name="Show results").click()
    page.wait_for_url("**/q/*/?metadata.maker=Wilo")
    expect(page.locator("[data-hit]")).to_have_count(4)
    page.get_by_label("Order of the results").select_option("title")
    page.get_by_role("button", name="Apply").click()
    page.wait_for_url("**metadata.maker=Wilo&sort=title")
    assert titles(page) == [f"Red pump {n:02}" for n in (0, 10, 20, 30)]
